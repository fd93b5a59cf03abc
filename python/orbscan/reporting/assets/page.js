// Puts the parts of a page together.
"use strict";

(() => {
  const explore = (section) => {
    const tree = orbscan.treeOf(section.dataset.tree);
    section.append(document.getElementById("explorer").content.cloneNode(true));
    const part = (name) => section.querySelector(`.${name}`);

    const crumbs = (node) => orbscan.crumbs(part("crumbs"), node, (at) => map.zoom(at));

    const selected = (node) => {
      orbscan.showArray(part("array"), node);
      table.mark(node);
    };
    const map = orbscan.treemap(part("treemap"), tree, { selected, zoomed: crumbs, listed: (node) => table.list(node) });
    const table = orbscan.leaves(part("leaves"), tree, (node) => {
      map.select(node);
      part("array").scrollIntoView({ block: "nearest" });
    });
    const toolbar = part("toolbar");
    orbscan.choice(toolbar, "Colour", tree.colourings.map((each) => [each.name, each.label]), tree.first.name, (name) => {
      const colouring = tree.colourings.find((each) => each.name === name);
      map.by({ colouring });
      orbscan.legend(part("legend"), colouring);
    });
    if (tree.root.stored > 0) {
      orbscan.choice(toolbar, "Area", [["memory", "In memory"], ["stored", "Stored"]], "memory", (area) => map.by({ area }));
    }
    orbscan.tellLeftOut(part("cut"), tree);
    orbscan.legend(part("legend"), map.state.colouring);
    crumbs(tree.root);
    const first = tree.nodes.filter((node) => node.kind && node.memory > 0).reduce((one, node) => (one && one.memory >= node.memory ? one : node), null);
    map.draw();
    if (first) {
      map.select(first);
    }
  };

  const articles = [...document.querySelectorAll("article[id]")];

  /** Shows the part of the page that the address names, or the first; leaves are laid out when they are seen. */
  const show = () => {
    const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    const shown = target?.closest("article[id]") ?? articles[0];
    for (const article of articles) {
      article.hidden = article !== shown;
    }
    const section = shown?.querySelector("[data-tree]:empty");
    if (section) {
      explore(section);
    }
    target?.scrollIntoView();
  };

  document.querySelectorAll(".pair").forEach(orbscan.pair);
  window.addEventListener("hashchange", show);
  show();
})();
