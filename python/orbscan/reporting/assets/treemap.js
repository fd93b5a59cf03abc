// The treemap: a rectangle for each leaf, as large as its bytes, within those of its containers.
// d3-hierarchy lays it out; elements are laid upon it, so that each can be reached and read.
"use strict";

(() => {
  const HEAD = 19;
  const GAP = 2;
  const SMALLEST = 3;
  const MOST = 3000;

  const hasHead = (at) => at.depth > 0 && at.x1 - at.x0 >= 44 && at.y1 - at.y0 >= HEAD + 12;

  /** The nodes to be shown at and below one: what has a single part is shown as that part. */
  const item = (node, weight) => {
    const labels = [node.label];
    let at = node;
    let parts = at.children.filter((child) => weight(child) > 0);
    while (parts.length === 1) {
      [at] = parts;
      labels.push(at.label);
      parts = at.children.filter((child) => weight(child) > 0);
    }
    return { node: at, parts, label: orbscan.joined(labels) };
  };

  const nameOf = (node, weightText) => {
    const what = node.kind ? [node.kind.type + node.kind.shape, node.kind.sharding] : [orbscan.leafCount(node.leaves)];
    const times = node.count > 1 ? [`${orbscan.count(node.count)} alike`] : [];
    const states = { 2: "bytes are lost", 3: "cannot be read" };
    const state = states[node.state] ? [states[node.state]] : [];
    return [orbscan.pathOf(node), ...what, ...times, weightText, ...state].filter(Boolean).join(", ");
  };

  /**
   * Makes a treemap in an element.
   * `told.selected(node)` is called for a leaf, `told.zoomed(node)` for a container.
   */
  orbscan.treemap = (host, tree, told) => {
    const state = { root: tree.root, area: "memory", colouring: tree.first, selected: null };
    let shown = [];
    const weight = (node) => node[state.area];
    const weightText = (node) => (state.area === "memory" ? node.memoryText : `${node.storedText} stored`);

    const paint = (element, node) => {
      const painted = node.kind ? state.colouring.of(node)[1] : "other";
      const kept = ["cell", painted];
      if (node.state >= 2) {
        kept.push("hatched");
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
      const { node, label } = at.data;
      const element = orbscan.make("div", {
        role: "treeitem",
        tabindex: "-1",
        "data-node": node.number,
        "aria-level": Math.max(at.depth, 1),
        "aria-label": nameOf(node, weightText(node)),
        title: nameOf(node, weightText(node)),
      });
      const width = at.x1 - at.x0;
      const height = at.y1 - at.y0;
      const times = node.count > 1 ? ` ×${orbscan.count(node.count)}` : "";
      if (at.children) {
        element.className = hasHead(at) ? "box" : "box bare";
        if (hasHead(at)) {
          element.append(orbscan.make("span", { class: width > 150 ? "head short" : "head", text: label + times }));
          if (width > 150) {
            element.append(orbscan.make("span", { class: "amount", text: weightText(node) }));
          }
        }
      } else {
        paint(element, node);
        if (width >= 34 && height >= 16) {
          element.append(orbscan.make("span", { class: "head", text: label + times }));
        }
        if (width >= 60 && height >= 34) {
          element.append(orbscan.make("span", { class: "amount", text: weightText(node) }));
        }
        element.setAttribute("aria-selected", String(node === state.selected));
      }
      place(element, at);
      return element;
    };

    const draw = () => {
      const focused = host.contains(document.activeElement) ? document.activeElement.dataset.node : null;
      const top = { node: state.root, parts: state.root.children.filter((child) => weight(child) > 0), label: "" };
      const laid = d3.hierarchy(top, (at) => at.parts.map((child) => item(child, weight)));
      laid.sum((at) => (at.parts.length ? 0 : weight(at.node)));
      laid.sort((one, other) => other.value - one.value);
      d3.treemap()
        .size([host.clientWidth, host.clientHeight])
        .round(true)
        .paddingInner(GAP)
        .paddingOuter((at) => (at.depth ? GAP : 0))
        .paddingTop((at) => (hasHead(at) ? HEAD : at.depth ? GAP : 0))(laid);
      shown = [];
      laid.eachBefore((at) => {
        const isSeen = at.x1 - at.x0 >= SMALLEST && at.y1 - at.y0 >= SMALLEST;
        at.isShown = (at.depth > 0 || !at.children) && isSeen && shown.length < MOST;
        if (at.isShown) {
          shown.push(at);
        }
      });
      host.replaceChildren(...shown.map(elementOf));
      shown.forEach((at, number) => {
        at.element = host.children[number];
      });
      const again = shown.find((at) => String(at.data.node.number) === focused);
      stop((again ?? shown[0])?.element, Boolean(again));
      host.classList.toggle("empty", shown.length === 0);
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
          paint(at.element, at.data.node);
          at.element.setAttribute("aria-selected", String(at.data.node === node));
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
      if (at.children) {
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

    const found = (event) => shown.find((at) => at.element === event.target.closest("[data-node]"));

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
        open(at);
        stop((shown.find((each) => each.data.node === at.data.node) ?? shown[0])?.element, true);
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
