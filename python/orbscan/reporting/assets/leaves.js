// The table of leaves: as a tree that folds, or as a list that is searched and sorted.
"use strict";

(() => {
  const PIECE = 200;
  const FEW = 40;
  const COLUMNS = [
    { name: "leaf", label: "Leaf", of: orbscan.pathOf },
    { name: "type", label: "Type", of: (node) => node.kind?.type ?? orbscan.leafCount(node.leaves) },
    { name: "shape", label: "Shape", of: (node) => node.kind?.shape ?? "" },
    { name: "sharding", label: "Sharding", of: (node) => node.kind?.sharding ?? "" },
    { name: "copies", label: "Copies", of: (node) => node.kind?.copies || "", right: true },
    { name: "chunk", label: "Chunk", of: (node) => node.kind?.chunk ?? "" },
    { name: "memory", label: "In memory", of: (node) => node.memoryText, by: (node) => node.memory, right: true },
    { name: "stored", label: "Stored", of: (node) => node.storedText, by: (node) => node.stored, right: true },
    { name: "ratio", label: "Ratio", of: (node) => node.ratio, by: (node) => Number(node.ratio), right: true },
    { name: "count", label: "Count", of: (node) => (node.count > 1 ? `×${orbscan.count(node.count)}` : ""), by: (node) => node.count, right: true },
  ];
  const NOTES = { 2: "bytes are lost", 3: "cannot be read" };

  const compared = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

  /** Makes the table within a part of the page; `select(node)` is called for a leaf. */
  orbscan.leaves = (part, tree, select) => {
    const search = part.querySelector("input");
    const status = part.querySelector("output");
    const more = part.querySelector(".more");
    const body = part.querySelector("tbody");
    const head = part.querySelector("thead tr");
    const every = tree.nodes.filter((node) => node.children.length === 0);
    const state = { sort: null, falls: true, shown: PIECE, selected: null };

    const openFirst = () => {
      // As many levels as a screen has room for.
      let level = [tree.root];
      let rows = 0;
      while (level.length) {
        const next = level.flatMap((node) => node.children);
        rows += next.length;
        if (rows > FEW && level[0] !== tree.root) {
          return;
        }
        for (const node of level) {
          node.open = true;
        }
        level = next.filter((node) => node.children.length);
      }
    };

    const walked = () => {
      const rows = [];
      const waiting = [[tree.root, 0]];
      while (waiting.length) {
        const [node, level] = waiting.pop();
        if (node !== tree.root || !node.children.length) {
          rows.push([node, level]);
        }
        if (node.open) {
          const below = node === tree.root ? 0 : level + 1;
          waiting.push(...node.children.map((child) => [child, below]).reverse());
        }
      }
      return rows;
    };

    const listed = () => {
      const text = search.value.trim().toLowerCase();
      const column = COLUMNS.find((each) => each.name === state.sort);
      const found = every.filter((node) => !text || orbscan.contains(orbscan.pathOf(node), text));
      if (column) {
        const by = column.by ?? column.of;
        const keys = new Map(found.map((node) => [node, by(node)]));
        found.sort((one, other) => compared(keys.get(one), keys.get(other)) * (state.falls ? -1 : 1));
      }
      return found.map((node) => [node, -1]);
    };

    const nameCell = (node, level) => {
      const label = level < 0 ? orbscan.pathOf(node) : node.label;
      const cell = orbscan.make("th", { scope: "row" });
      cell.style.setProperty("--level", Math.min(Math.max(level, 0), 12));
      if (node.children.length) {
        cell.append(
          orbscan.make("button", {
            type: "button",
            class: "fold",
            "aria-expanded": String(node.open),
            text: label,
            onclick: () => {
              node.open = !node.open;
              fill();
              body.querySelector(`[data-node="${node.number}"] button`)?.focus();
            },
          }),
        );
      } else if (node.kind) {
        cell.append(orbscan.make("button", { type: "button", class: "pick", text: label, onclick: () => select(node) }));
      } else {
        cell.append(orbscan.make("span", { text: label }));
      }
      const note = node.kind?.error || (node.children.length ? "" : NOTES[node.state]);
      if (note) {
        cell.append(orbscan.make("span", { class: "fault", text: note }));
      }
      return cell;
    };

    const rowOf = ([node, level]) => {
      const row = orbscan.make("tr", { "data-node": node.number }, nameCell(node, level));
      if (node === state.selected) {
        row.classList.add("selected");
      }
      for (const column of COLUMNS.slice(1)) {
        row.append(orbscan.make("td", { class: column.right ? `right ${column.name}` : column.name, text: column.of(node) }));
      }
      return row;
    };

    const fill = () => {
      const asTree = !search.value.trim() && !state.sort;
      const rows = asTree ? walked() : listed();
      body.replaceChildren(...rows.slice(0, state.shown).map(rowOf));
      const left = rows.length - state.shown;
      more.hidden = left <= 0;
      more.textContent = `Show ${orbscan.count(Math.min(left, PIECE))} more of ${orbscan.count(left)}`;
      const leaves = rows.reduce((sum, [node]) => sum + (node.children.length ? 0 : node.leaves), 0);
      status.textContent = asTree
        ? `${orbscan.count(tree.root.leaves)} leaves in the order of the tree`
        : `${orbscan.count(rows.length)} ${rows.length === 1 ? "row" : "rows"} for ${orbscan.count(leaves)} of ${orbscan.leafCount(tree.root.leaves)}`;
      for (const cell of head.children) {
        const isSorted = cell.dataset.name === state.sort;
        cell.setAttribute("aria-sort", isSorted ? (state.falls ? "descending" : "ascending") : "none");
      }
    };

    const sortBy = (name) => {
      // The largest first, then the smallest, then the order of the tree.
      const isText = !COLUMNS.find((each) => each.name === name).right;
      if (state.sort !== name) {
        Object.assign(state, { sort: name, falls: !isText });
      } else if (state.falls !== isText) {
        state.falls = !state.falls;
      } else {
        state.sort = null;
      }
      fill();
    };

    head.replaceChildren(
      ...COLUMNS.map((column) =>
        orbscan.make(
          "th",
          { scope: "col", "data-name": column.name, class: column.right ? `right ${column.name}` : column.name },
          orbscan.make("button", { type: "button", text: column.label, onclick: () => sortBy(column.name) }),
        ),
      ),
    );
    search.addEventListener("input", () => {
      state.shown = PIECE;
      fill();
    });
    more.addEventListener("click", () => {
      state.shown += PIECE;
      fill();
    });
    openFirst();
    fill();
    return {
      /** Lists the leaves below a node, the largest first. */
      list: (node) => {
        search.value = node.parent ? orbscan.pathOf(node) : "";
        Object.assign(state, { sort: "memory", falls: true, shown: PIECE });
        fill();
        part.scrollIntoView({ block: "start" });
        search.focus({ preventScroll: true });
      },
      mark: (node) => {
        state.selected = node;
        body.querySelector(".selected")?.classList.remove("selected");
        body.querySelector(`[data-node="${node.number}"]`)?.classList.add("selected");
      },
    };
  };
})();
