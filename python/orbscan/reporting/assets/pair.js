// Two treemaps side by side. What is opened or selected in one is so in the other, too, where that
// has the same keypath, or has what it was perhaps renamed to.
"use strict";

(() => {
  /** Finds the node of the other side that belongs to a node: below the nearest two that are tied. */
  const counterpart = (node, ties, other) => {
    const labels = [];
    for (let at = node; at; at = at.parent) {
      const tied = ties.get(at.number);
      if (tied !== undefined) {
        const below = (found, label) => found?.children.find((child) => child.label === label);
        return labels.reduce(below, other.nodes[tied]) ?? null;
      }
      labels.unshift(at.label);
    }
    return null;
  };

  /** Fills a section that has an element for each of both sides. */
  orbscan.pair = (section) => {
    const pairs = [[0, 0], ...JSON.parse(document.getElementById("ties").textContent)];
    const ties = [new Map(pairs), new Map(pairs.map(([one, other]) => [other, one]))];
    const sides = [...section.querySelectorAll(".side")].map((element) => ({
      part: (name) => element.querySelector(`.${name}`),
      tree: orbscan.treeOf(element.dataset.of),
      map: null,
    }));
    // What one side does because of the other has no effect on that one.
    let follows = false;

    const follow = (number, node, act) => {
      if (follows) {
        return;
      }
      follows = true;
      const other = sides[1 - number];
      act(other, counterpart(node, ties[number], other.tree));
      follows = false;
    };

    const selected = (number, node) => {
      orbscan.showArray(sides[number].part("array"), node);
      follow(number, node, ({ map, part }, found) => {
        map.select(found?.kind ? found : null);
        if (!found?.kind) {
          part("array").replaceChildren(orbscan.make("p", { class: "faint", text: "Nothing belongs to it on this side." }));
        }
      });
    };

    const zoomed = (number, node) => {
      orbscan.crumbs(sides[number].part("crumbs"), node, (at) => sides[number].map.zoom(at));
      follow(number, node, ({ map }, found) => {
        if (found?.children.length) {
          map.zoom(found);
        }
      });
    };

    const colour = (name) => {
      for (const { map, part, tree } of sides) {
        const colouring = tree.colourings.find((each) => each.name === name);
        map.by({ colouring });
        orbscan.legend(part("legend"), colouring);
      }
    };

    sides.forEach((side, number) => {
      const { part, tree } = side;
      side.map = orbscan.treemap(part("treemap"), tree, {
        selected: (node) => selected(number, node),
        zoomed: (node) => zoomed(number, node),
        listed: () => section.parentElement.querySelector(".changes")?.scrollIntoView(),
      });
      orbscan.crumbs(part("crumbs"), tree.root, (at) => side.map.zoom(at));
      orbscan.tellLeftOut(part("cut"), tree);
      side.map.draw();
    });
    const names = (tree) => tree.colourings.map((each) => each.name);
    const shared = sides[0].tree.colourings.filter((each) => names(sides[1].tree).includes(each.name));
    orbscan.choice(section.querySelector(".toolbar"), "Colour", shared.map((each) => [each.name, each.label]), "change", colour);
    colour("change");

    // To begin with, the largest leaf that is not the same.
    const [change, other] = sides.map(({ tree }) => tree.colourings.find((each) => each.name === "change"));
    const largest = (tree, colouring) =>
      tree.nodes
        .filter((node) => node.kind && node.memory > 0 && colouring.of(node)[1] !== "other")
        .reduce((one, node) => (one && one.memory >= node.memory ? one : node), null);
    const [before, after] = [largest(sides[0].tree, change), largest(sides[1].tree, other)];
    if (before && !(after && after.memory > before.memory)) {
      sides[0].map.select(before);
    } else if (after) {
      sides[1].map.select(after);
    }
  };
})();
