// Where the rectangles of a treemap lie: each as large as its bytes, within that of its container.
// d3-hierarchy lays them out. Siblings too small to be seen are one rectangle, so that areas are
// bytes however many leaves there are.
"use strict";

(() => {
  const HEAD = 19;
  const MOST = 3000;
  // The gap between the parts of a container, and the area of the smallest part that can be seen
  // with such gaps. The widest is taken in which most of the bytes are seen.
  const FITS = [
    { gap: 2, least: 36 },
    { gap: 1, least: 16 },
    { gap: 0, least: 9 },
  ];
  const MOST_BYTES = 0.9;

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
    return { node: at, parts, label: orbscan.joined(labels), gathered: [] };
  };

  // The rest of a container, for which there was no room in the page, joins what cannot be drawn.
  const isDrawn = (at, density, fit) => at.isLarge && !at.data.node.isRest && at.value * density >= fit.least;

  const chosenFit = (at) => {
    const density = ((at.x1 - at.x0) * (at.y1 - at.y0)) / at.value;
    const bytes = (kept) => at.children.reduce((sum, child) => sum + (kept(child) ? child.value : 0), 0);
    const whole = bytes((child) => !child.data.node.isRest);
    return FITS.find((fit) => bytes((child) => isDrawn(child, density, fit)) >= MOST_BYTES * whole) ?? FITS.at(-1);
  };

  /** How the parts of a container fit into its rectangle, which is known by now. */
  const fitOf = (at) => {
    at.fit ??= chosenFit(at);
    return at.fit;
  };

  /** One place for several siblings, as large as all of them. */
  const gathered = (parent, siblings) => {
    const nodes = siblings.map((at) => at.data.node);
    const leaves = orbscan.count(nodes.reduce((sum, node) => sum + node.leaves, 0));
    const label = nodes.length < parent.children.length ? `… ${leaves} more leaves` : `${leaves} leaves`;
    const data = { node: parent.data.node, parts: [], label, gathered: nodes };
    return Object.assign(d3.hierarchy(data), {
      parent,
      depth: parent.depth + 1,
      value: siblings.reduce((sum, at) => sum + at.value, 0),
    });
  };

  /** Puts the parts of a container into a rectangle, those too small to be seen as one of them. */
  const tile = (parent, x0, y0, x1, y1) => {
    const density = (Math.max(x1 - x0, 0) * Math.max(y1 - y0, 0)) / parent.value;
    const fit = fitOf(parent);
    const drawn = parent.children.filter((at) => isDrawn(at, density, fit));
    if (parent.children.length - drawn.length > 1) {
      const small = parent.children.filter((at) => !isDrawn(at, density, fit));
      parent.children = [...drawn, gathered(parent, small)];
      parent.children.sort((one, other) => other.value - one.value);
    }
    d3.treemapSquarify(parent, x0, y0, x1, y1);
  };

  /**
   * Lays the nodes at and below one out. Gives d3's tree of places: `data` has the node, the label,
   * and the nodes that were gathered in it; `isShown` says whether there is room for it.
   */
  orbscan.layout = (root, weight, width, height) => {
    const top = { node: root, parts: root.children.filter((child) => weight(child) > 0), label: "", gathered: [] };
    const laid = d3.hierarchy(top, (at) => at.parts.map((child) => item(child, weight)));
    laid.sum((at) => (at.parts.length ? 0 : weight(at.node)));
    laid.sort((one, other) => other.value - one.value);
    // No container is smaller than its parts, and it comes first: what is large hangs together.
    const ranked = laid.descendants().sort((one, other) => other.value - one.value || one.depth - other.depth);
    ranked.forEach((at, rank) => {
      at.isLarge = rank <= MOST;
    });
    d3.treemap()
      .tile(tile)
      .size([width, height])
      .round(true)
      .paddingInner((at) => fitOf(at).gap)
      .paddingOuter((at) => (at.depth ? fitOf(at).gap : 0))
      .paddingTop((at) => (hasHead(at) ? HEAD : at.depth ? fitOf(at).gap : 0))(laid);
    laid.each((at) => {
      at.isShown = (at.depth > 0 || !at.children) && at.value > 0 && at.x1 > at.x0 && at.y1 > at.y0;
      at.hasHead = Boolean(at.children) && hasHead(at);
      at.isTight = at.parent?.fit.gap === 0;
    });
    return laid;
  };
})();
