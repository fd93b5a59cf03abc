// Puts the parts of a page together.
"use strict";

(() => {
  const buttonsOf = (part, label, choices, first, chosen) => {
    const buttons = choices.map(([name, text]) =>
      orbscan.make("button", {
        type: "button",
        text,
        "aria-pressed": String(name === first),
        onclick: (event) => {
          for (const each of buttons) {
            each.setAttribute("aria-pressed", String(each === event.currentTarget));
          }
          chosen(name);
        },
      }),
    );
    part.append(orbscan.make("span", { class: "choice", role: "group", "aria-label": label }, orbscan.make("span", { text: label }), ...buttons));
  };

  const explore = (section) => {
    const tree = orbscan.treeOf(section.dataset.tree);
    section.append(document.getElementById("explorer").content.cloneNode(true));
    const part = (name) => section.querySelector(`.${name}`);

    // What has no bytes has no rectangle, and needs no colour, unless something is wrong with it.
    const isSeen = ([, paint, size]) => size !== "0 B" || paint === "unreadable";

    const legend = (colouring) =>
      part("legend").replaceChildren(
        ...colouring.legend.filter(isSeen).map(([label, paint, size, leaves]) =>
          orbscan.make(
            "li",
            {},
            orbscan.make("span", { class: `swatch ${paint}${paint === "lost" || paint === "unreadable" ? " hatched" : ""}` }),
            orbscan.make("b", { text: label }),
            orbscan.make("span", { class: "faint", text: `${size}, ${leaves}` }),
          ),
        ),
      );

    const crumbs = (node) => {
      const above = [];
      for (let at = node; at; at = at.parent) {
        above.unshift(at);
      }
      part("crumbs").replaceChildren(
        ...above.map((at) =>
          orbscan.make(
            "li",
            {},
            orbscan.make("button", {
              type: "button",
              text: at.parent ? at.label : "everything",
              "aria-current": at === node ? "true" : null,
              onclick: () => map.zoom(at),
            }),
          ),
        ),
        orbscan.make("li", { class: "faint", text: `${node.memoryText} in memory` }),
      );
    };

    const selected = (node) => {
      orbscan.showArray(part("array"), node);
      table.mark(node);
    };
    const map = orbscan.treemap(part("treemap"), tree, { selected, zoomed: crumbs });
    const table = orbscan.leaves(part("leaves"), tree, (node) => {
      map.select(node);
      part("array").scrollIntoView({ block: "nearest" });
    });
    const toolbar = part("toolbar");
    buttonsOf(toolbar, "Colour", tree.colourings.map((each) => [each.name, each.label]), tree.first.name, (name) => {
      const colouring = tree.colourings.find((each) => each.name === name);
      map.by({ colouring });
      legend(colouring);
    });
    if (tree.root.stored > 0) {
      buttonsOf(toolbar, "Area", [["memory", "In memory"], ["stored", "Stored"]], "memory", (area) => map.by({ area }));
    }
    if (tree.leftOut) {
      part("cut").hidden = false;
      part("cut").textContent = `${tree.leftOut} had no room in this page, the smallest: “orbscan show” has them all.`;
    }
    legend(map.state.colouring);
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

  window.addEventListener("hashchange", show);
  show();
})();
