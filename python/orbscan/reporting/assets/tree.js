// The leaves of a checkpoint: columns of the page's data become linked nodes.
"use strict";

(() => {
  // A column whose values are all the same is that value alone.
  const at = (column, number) => (Array.isArray(column) ? column[number] : column);

  const row = (columns, number) =>
    Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, at(column, number)]));

  const TEXTS = ["type", "shape", "size", "sharding", "spec", "shard", "shardSize", "chunk", "chunkSize", "codec", "error"];

  const kindOf = (data, number) => {
    const kind = row(data.kinds, number);
    for (const name of TEXTS) {
      kind[name] = data.texts[kind[name]];
    }
    kind.mesh = data.meshes[kind.mesh] ?? null;
    kind.spec = kind.spec ? JSON.parse(kind.spec) : null;
    return kind;
  };

  const nodeOf = (data, kinds, number) => {
    const columns = data.nodes;
    const count = at(columns.count, number);
    const place = at(columns.kind, number);
    kinds[place] ??= place < 0 ? null : kindOf(data, place);
    const kind = kinds[place];
    const rest = data.rests[number];
    const memory = kind ? kind.nbytes * count : (rest?.[1] ?? 0);
    const text = at(columns.memoryText, number);
    return {
      number,
      label: data.texts[at(columns.label, number)],
      parent: null,
      children: [],
      count,
      kind,
      isRest: Boolean(rest),
      leaves: kind ? count : (rest?.[0] ?? 0),
      memory,
      memoryText: text < 0 ? kind.size : data.texts[text],
      stored: rest?.[2] ?? at(columns.stored, number),
      storedText: data.texts[at(columns.storedText, number)] ?? "",
      state: at(columns.state, number),
      note: data.texts[at(columns.note, number)],
      open: false,
    };
  };

  /** Gives the tree that a script element of the page holds. Its first node is above all others. */
  orbscan.treeOf = (id) => {
    const data = JSON.parse(document.getElementById(id).textContent);
    const kinds = { "-1": null };
    const nodes = Array.from({ length: data.size }, (_, number) => nodeOf(data, kinds, number));
    // Parents come before their children, and siblings are in order.
    for (const node of nodes) {
      node.parent = nodes[at(data.nodes.parent, node.number)] ?? null;
      node.parent?.children.push(node);
    }
    for (const node of [...nodes].reverse()) {
      if (node.parent) {
        node.parent.leaves += node.leaves;
        node.parent.memory += node.memory;
        node.parent.stored += node.stored;
      }
      // As `orbscan du` has it; nothing is known of what is not all there.
      node.ratio = node.stored && node.state < 2 ? (node.memory / node.stored).toFixed(2) : "";
    }
    for (const colouring of data.colourings) {
      const { of } = colouring;
      colouring.of = (node) => colouring.legend[at(of, node.number)];
    }
    const first = data.colourings.find((each) => each.name === data.first);
    return { nodes, root: nodes[0], colourings: data.colourings, first, leftOut: data.leftOut };
  };

  /** Joins entries of a keypath as every output of orbscan does. */
  orbscan.joined = (labels) =>
    labels.reduce((path, label) => (path && !label.startsWith("[") ? `${path}/${label}` : path + label), "");

  /** Gives the keypath of a node. */
  orbscan.pathOf = (node) => {
    const labels = [];
    for (let above = node; above.parent; above = above.parent) {
      labels.unshift(above.label);
    }
    return orbscan.joined(labels) || ".";
  };

  /** Whether a number is among those that a folded entry stands for: "0..3,7,10..30:10". */
  const holds = (ranges, number) =>
    ranges.split(",").some((range) => {
      const [, first, last = first, step = "1"] = /^(\d+)(?:\.\.(\d+))?(?::(\d+))?$/.exec(range) ?? [];
      const from = Number(first);
      return number >= from && number <= Number(last) && (number - from) % Number(step) === 0;
    });

  /** Whether a keypath contains a text, where folded siblings are found by each of their numbers. */
  orbscan.contains = (path, text) => {
    if (path.toLowerCase().includes(text)) {
      return true;
    }
    const folded = /[[{]([\d.,:]+\.\.[\d.,:]+)[\]}]/g;
    const numbers = text.match(/\d+/g);
    if (!numbers || !folded.test(path)) {
      return false;
    }
    return numbers.some((number) => {
      const one = path.replace(folded, (whole, ranges) => {
        const shown = whole.startsWith("[") ? `[${number}]` : number;
        return holds(ranges, Number(number)) ? shown : whole;
      });
      return one.toLowerCase().includes(text);
    });
  };
})();
