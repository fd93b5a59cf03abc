// One array: what is known of it, how each dimension is split and stored, and which device of its
// mesh holds which slice. No device is asked: all of it follows from the mesh and the partition spec.
"use strict";

(() => {
  const SHOWN_DEVICES = 4096;
  const LISTED_SLICES = 256;
  const COLOURS = 7;
  // Numbers beyond 2^53 stay exact.
  const dimensions = (text) => (text.length > 2 ? text.slice(1, -1).split(",").map(BigInt) : []);

  const product = (numbers) => numbers.reduce((left, right) => left * right, 1);

  /** The place of a device on each axis of a mesh, in row-major order. */
  const coordinates = (device, axes) => {
    const found = [];
    let rest = device;
    for (const [, length] of [...axes].reverse()) {
      found.unshift(rest % length);
      rest = Math.floor(rest / length);
    }
    return found;
  };

  /** Which part a device holds along each dimension: the first axis varies slowest, as in JAX. */
  const partsOf = (at, kind) =>
    kind.spec.map((axes) => axes.reduce((part, axis) => part * kind.mesh.axes[axis][1] + at[axis], 0));

  const sliceText = (parts, kind) => {
    const shape = dimensions(kind.shape);
    const counts = kind.spec.map((axes) => product(axes.map((axis) => kind.mesh.axes[axis][1])));
    const ranges = shape.map((length, at) => {
      const size = length / BigInt(counts[at]);
      const first = BigInt(parts[at]) * size;
      return counts[at] === 1 ? ":" : `${first}:${first + size}`;
    });
    return `[${ranges.join(", ")}]`;
  };

  const deviceText = (number, at, mesh) => {
    const place = mesh.axes
      .map(([name, length], axis) => (length > 1 ? `${name}=${at[axis]}` : ""))
      .filter(Boolean)
      .join(", ");
    const id = mesh.ids ? mesh.ids[number] : number;
    return `device ${id}${place ? ` (${place})` : ""}`;
  };

  /** The axes of more than one device, as rows and columns: about as many of the one as of the other. */
  const rowsAndColumns = (mesh) => {
    const rows = mesh.axes.map(([name, length], axis) => ({ name, length, axis })).filter(({ length }) => length > 1);
    const columns = rows.splice(-1);
    const size = (axes) => product(axes.map((each) => each.length));
    while (rows.length > 1 && size(columns) * rows.at(-1).length <= size(rows)) {
      columns.unshift(rows.pop());
    }
    return { rows, columns };
  };

  const gridOf = (kind, marked) => {
    const { mesh } = kind;
    const devices = Math.min(mesh.devices, SHOWN_DEVICES);
    const { rows, columns } = rowsAndColumns(mesh);
    const wide = Math.max(product(columns.map((each) => each.length)), 1);
    const side = Math.max(Math.min(Math.floor(300 / wide), 34), 5);
    const slices = new Map();
    const cells = [];
    for (let number = 0; number < devices; number += 1) {
      const at = coordinates(number, mesh.axes);
      const parts = partsOf(at, kind);
      const key = parts.join();
      if (!slices.has(key)) {
        slices.set(key, { number: slices.size, text: sliceText(parts, kind), devices: [] });
      }
      const slice = slices.get(key);
      slice.devices.push(number);
      const along = (axes) => axes.reduce((place, { axis, length }) => place * length + at[axis], 0);
      const cell = orbscan.draw(
        "g",
        { class: `device c${slice.number % COLOURS}`, transform: `translate(${along(columns) * side},${along(rows) * side})` },
        orbscan.draw("title", { text: `${deviceText(number, at, mesh)} holds ${slice.text}` }),
        orbscan.draw("rect", { width: side - 1, height: side - 1, rx: side > 12 ? 3 : 0 }),
      );
      if (side >= 16) {
        cell.append(orbscan.draw("text", { x: (side - 1) / 2, y: side / 2 + 4, "text-anchor": "middle", text: slice.number }));
      }
      cell.addEventListener("click", () => marked(slice.number));
      cells.push({ cell, slice: slice.number });
    }
    const tall = Math.ceil(devices / wide);
    const summary = `${orbscan.count(mesh.devices)} devices, ${orbscan.count(slices.size)} different slices`;
    const picture = orbscan.draw(
      "svg",
      { role: "img", "aria-label": `${summary}; all are listed below`, width: wide * side, height: tall * side, class: "mesh" },
      ...cells.map(({ cell }) => cell),
    );
    return { picture, slices: [...slices.values()], cells, rows, columns, summary, devices };
  };

  const named = (axes) => axes.map(({ name, length }) => `${name} (${length})`).join(" × ");
  const placed = ({ rows, columns }) =>
    [rows.length ? `Rows: ${named(rows)}. ` : "", columns.length ? `Columns: ${named(columns)}. ` : ""].join("");

  const devicesPart = (kind) => {
    const list = orbscan.make("ol", { class: "slices", start: "0" });
    let cells = [];
    const mark = (slice) => {
      for (const each of cells) {
        each.cell.classList.toggle("faded", each.slice !== slice);
      }
      [...list.children].forEach((entry, number) => entry.classList.toggle("selected", number === slice));
    };
    const grid = gridOf(kind, mark);
    ({ cells } = grid);
    const { mesh } = kind;
    for (const slice of grid.slices.slice(0, LISTED_SLICES)) {
      const who = slice.devices.slice(0, 16).map((number) => (mesh.ids ? mesh.ids[number] : number));
      const rest = slice.devices.length - who.length;
      const text = `devices ${who.join(", ")}${rest > 0 ? ` and ${orbscan.count(rest)} more` : ""}`;
      list.append(
        orbscan.make(
          "li",
          {},
          orbscan.make("button", { type: "button", text: slice.text, onclick: () => mark(slice.number) }),
          ` ${text}`,
        ),
      );
    }
    const notes = [];
    if (grid.devices < mesh.devices) {
      notes.push(`Shown are the first ${orbscan.count(grid.devices)} of ${orbscan.count(mesh.devices)} devices.`);
    }
    if (grid.slices.length > LISTED_SLICES) {
      notes.push(`Listed are the first ${LISTED_SLICES} of ${orbscan.count(grid.slices.length)} slices.`);
    }
    return orbscan.make(
      "div",
      { class: "devices" },
      orbscan.make("h4", { text: `On its mesh${mesh.name ? ` ${mesh.name}` : ""}` }),
      orbscan.make("p", { class: "faint", text: `${grid.summary}. ${placed(grid)}The same number is the same slice.` }),
      orbscan.make("div", { class: "scroll" }, grid.picture),
      ...notes.map((text) => orbscan.make("p", { class: "faint", text })),
      orbscan.make("details", {}, orbscan.make("summary", { text: "Which device holds what" }), list),
    );
  };

  /** How one dimension is split over devices, above, and stored in chunks, below. */
  const dimensionPart = (kind, at, shape, chunk) => {
    const axes = kind.spec ? kind.spec[at].map((axis) => kind.mesh.axes[axis]) : [];
    const parts = product(axes.map(([, length]) => length));
    const shards = kind.spec ? parts : 1;
    const length = shape[at];
    const chunks = chunk.length && chunk[at] > 0n && length > 0n ? Number((length + chunk[at] - 1n) / chunk[at]) : 0;
    const over = axes.map(([name]) => name).join(" × ");
    const split = shards > 1 ? `${orbscan.count(shards)} parts over ${over}` : "not split";
    const stored = chunks ? `, ${orbscan.count(chunks)} ${chunks === 1 ? "chunk" : "chunks"} of ${chunk[at]}` : "";
    const bars = (number, y, kept) =>
      Array.from({ length: Math.min(number, 64) }, (_, part) =>
        orbscan.draw("rect", {
          class: kept(part),
          x: (part * 300) / Math.min(number, 64),
          y,
          width: Math.max(300 / Math.min(number, 64) - 1, 0.5),
          height: 10,
        }),
      );
    return orbscan.make(
      "li",
      {},
      orbscan.make("span", { text: `${length}: ${split}${stored}` }),
      orbscan.draw(
        "svg",
        { "aria-hidden": "true", viewBox: "0 0 300 23", class: "dimension" },
        ...bars(shards, 0, (part) => (shards > 1 ? `c${part % COLOURS}` : "whole")),
        ...bars(chunks, 12, () => "chunk"),
      ),
    );
  };

  const dimensionsPart = (kind) => {
    const shape = dimensions(kind.shape);
    const chunk = dimensions(kind.chunk);
    return orbscan.make(
      "div",
      {},
      orbscan.make("h4", { text: "Dimensions: shards above, chunks below" }),
      orbscan.make("ol", { class: "dimensions", start: "0" }, ...shape.map((_, at) => dimensionPart(kind, at, shape, chunk))),
    );
  };

  /** Shows a node in an element of the page. */
  orbscan.showArray = (part, node) => {
    const { kind } = node;
    const facts = orbscan.make("dl", { class: "pairs" });
    const tell = (label, text) =>
      facts.append(orbscan.make("div", {}, orbscan.make("dt", { text: label }), orbscan.make("dd", { text })));
    const told = [
      ["type", `${kind.type}${kind.shape}`],
      ["in memory", kind.shape ? kind.size : ""],
      ["sharding", kind.sharding],
      ["each device", kind.shard ? `${kind.shard}, ${kind.shardSize}` : kind.mesh ? "not known: the mesh does not divide the shape" : ""],
      ["copies", kind.copies > 1 ? `every byte lies on ${orbscan.count(kind.copies)} devices` : kind.copies ? "none: every byte lies on one device" : ""],
      ["chunk", kind.chunk ? `${kind.chunk}, ${kind.chunkSize}` : ""],
      ["compression", kind.codec],
      ["unreadable", kind.error],
      ["compared", node.note],
    ];
    for (const [label, text] of told.filter(([, each]) => each)) {
      tell(label, text);
    }
    if (node.count > 1) {
      tell("all that are alike", `${orbscan.count(node.count)}, ${node.memoryText}`);
    }
    if (node.storedText) {
      tell("stored", node.ratio ? `${node.storedText}, ratio ${node.ratio}` : node.storedText);
    }
    const parts = [orbscan.make("h3", { class: "path", text: orbscan.pathOf(node) }), facts];
    if (kind.shape.length > 2) {
      parts.push(dimensionsPart(kind));
    }
    if (kind.spec) {
      parts.push(devicesPart(kind));
    }
    part.replaceChildren(...parts);
  };
})();
