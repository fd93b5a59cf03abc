// The treemap: a rectangle for each leaf, as large as its bytes, within those of its containers.
// Elements lie where `layout.js` puts them, so that each can be reached and read.
"use strict";

(() => {
  const nameOf = (node, weightText) => {
    const what = node.kind ? [node.kind.type + node.kind.shape, node.kind.sharding] : [orbscan.leafCount(node.leaves)];
    const times = node.count > 1 ? [`${orbscan.count(node.count)} alike`] : [];
    const states = { 2: "bytes are lost", 3: "cannot be read" };
    const state = states[node.state] ? [states[node.state]] : [];
    return [orbscan.pathOf(node), ...what, ...times, weightText, ...state, node.note].filter(Boolean).join(", ");
  };

  const restName = ({ data }, weightText) => {
    const within = data.node.parent ? [`in ${orbscan.pathOf(data.node)}`] : [];
    return [data.label, ...within, weightText, "too small to be drawn one by one"].join(", ");
  };

  /**
   * Makes a treemap in an element.
   * `told.selected(node)` is called for a leaf, `told.zoomed(node)` for a container, and
   * `told.listed(node)` for a container of which parts cannot be drawn.
   */
  orbscan.treemap = (host, tree, told) => {
    const state = { root: tree.root, area: "memory", colouring: tree.first, selected: null };
    let shown = [];
    const weight = (node) => node[state.area];
    const suffix = () => (state.area === "memory" ? "" : " stored");
    const weightText = (node) => (state.area === "memory" ? node.memoryText : node.storedText) + suffix();
    const textOf = (at) => (at.data.gathered.length ? orbscan.size(at.value) + suffix() : weightText(at.data.node));

    const paint = (at) => {
      const { element } = at;
      const { node, gathered } = at.data;
      if (gathered.length) {
        const isLost = gathered.some((each) => each.state >= 2);
        element.className = isLost ? "cell rest lost hatched" : "cell rest";
        return;
      }
      const painted = node.kind ? state.colouring.of(node)[1] : "other";
      const kept = ["cell", node.isRest ? "rest" : painted];
      if (node.state >= 2) {
        kept.push("hatched");
      }
      if (at.isTight) {
        kept.push("tight");
      }
      if (node === state.selected) {
        kept.push("selected");
      }
      element.className = kept.join(" ");
    };

    const place = (element, at) => {
      element.style.left = `${at.x0}px`;
      element.style.top = `${at.y0}px`;
      element.style.width = `${at.x1 - at.x0}px`;
      element.style.height = `${at.y1 - at.y0}px`;
    };

    const elementOf = (at) => {
      const { node, label, gathered } = at.data;
      const name = gathered.length ? restName(at, textOf(at)) : nameOf(node, textOf(at));
      const element = orbscan.make("div", {
        role: "treeitem",
        tabindex: "-1",
        [gathered.length ? "data-rest" : "data-node"]: node.number,
        "aria-level": Math.max(at.depth, 1),
        "aria-label": name,
        title: name,
      });
      at.element = element;
      const width = at.x1 - at.x0;
      const height = at.y1 - at.y0;
      const times = node.count > 1 && !gathered.length ? ` ×${orbscan.count(node.count)}` : "";
      if (at.children) {
        element.className = at.hasHead ? "box" : "box bare";
        if (at.hasHead) {
          element.append(orbscan.make("span", { class: width > 150 ? "head short" : "head", text: label + times }));
          if (width > 150) {
            element.append(orbscan.make("span", { class: "amount", text: textOf(at) }));
          }
        }
      } else {
        paint(at);
        if (width >= 34 && height >= 16) {
          element.append(orbscan.make("span", { class: "head", text: label + times }));
        }
        if (width >= 60 && height >= 34) {
          element.append(orbscan.make("span", { class: "amount", text: textOf(at) }));
        }
        element.setAttribute("aria-selected", String(isSelected(at)));
      }
      place(element, at);
      return element;
    };

    const isSelected = (at) => at.data.node === state.selected && !at.data.gathered.length;

    /** What tells a place apart from all others, also after it was drawn again. */
    const keyOf = (element) => element.dataset.node ?? `rest of ${element.dataset.rest}`;

    const draw = () => {
      host.classList.toggle("empty", weight(state.root) === 0);
      if (host.clientWidth === 0) {
        // It is hidden, as is the page of a step that one has left; once it is seen it is drawn again.
        return;
      }
      const focused = host.contains(document.activeElement) ? keyOf(document.activeElement) : null;
      const laid = orbscan.layout(state.root, weight, host.clientWidth, host.clientHeight);
      shown = [];
      laid.eachBefore((at) => {
        if (at.isShown) {
          shown.push(at);
        }
      });
      host.replaceChildren(...shown.map(elementOf));
      const again = shown.find((at) => keyOf(at.element) === focused);
      stop((again ?? shown[0])?.element, Boolean(again));
    };

    /** Makes an element the one that the tab key comes to. */
    const stop = (element, isFocused) => {
      host.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
      element?.setAttribute("tabindex", "0");
      if (isFocused) {
        element.focus();
      }
    };

    const zoom = (node) => {
      state.root = node;
      draw();
      told.zoomed(node);
    };

    const select = (node) => {
      state.selected = node;
      for (const at of shown) {
        if (!at.children) {
          paint(at);
          at.element.setAttribute("aria-selected", String(isSelected(at)));
        }
      }
      if (node) {
        told.selected(node);
      }
    };

    /** The node to go up to: one that shows more than the part one comes from. */
    const above = (node) => {
      let at = node.parent ?? node;
      while (at.parent && at.children.filter((child) => weight(child) > 0).length === 1) {
        at = at.parent;
      }
      return at;
    };

    const open = (at) => {
      if (at.data.gathered.length && at.data.node === state.root) {
        told.listed(state.root);
      } else if (at.children || at.data.gathered.length) {
        // In a larger rectangle there may be room for what is too small here.
        zoom(at.data.node);
      } else if (at.data.node.kind) {
        select(at.data.node);
      }
    };

    const visible = (list) => (list ?? []).filter((at) => at.isShown);

    const neighbour = (at, key) => {
      const siblings = visible(at.parent?.children ?? [at]);
      const here = siblings.indexOf(at);
      switch (key) {
        case "ArrowDown":
          return siblings[here + 1];
        case "ArrowUp":
          return siblings[here - 1];
        case "ArrowRight":
          return visible(at.children)[0];
        case "ArrowLeft":
          return at.parent?.isShown ? at.parent : null;
        case "Home":
          return siblings[0];
        case "End":
          return siblings.at(-1);
        default:
          return null;
      }
    };

    const found = (event) => shown.find((at) => at.element === event.target.closest("[role=treeitem]"));

    host.addEventListener("click", (event) => {
      const at = found(event);
      if (at) {
        stop(at.element, true);
        open(at);
      }
    });
    host.addEventListener("keydown", (event) => {
      const at = found(event);
      if (!at || event.altKey || event.ctrlKey || event.metaKey) {
        return;
      }
      if (event.key === "Enter" || event.key === " ") {
        const isListed = at.data.gathered.length && at.data.node === state.root;
        open(at);
        if (!isListed) {
          stop((shown.find((each) => each.data.node === at.data.node) ?? shown[0])?.element, true);
        }
      } else if (event.key === "Escape" || event.key === "Backspace") {
        zoom(above(state.root));
        stop(shown[0]?.element, true);
      } else {
        const next = neighbour(at, event.key);
        if (!next && !/^(Arrow|Home|End)/.test(event.key)) {
          return;
        }
        if (next) {
          stop(next.element, true);
        }
      }
      event.preventDefault();
    });

    new ResizeObserver(() => draw()).observe(host);
    return {
      draw,
      select,
      zoom,
      by: (change) => {
        Object.assign(state, change);
        draw();
      },
      state,
    };
  };
})();
