// What goes with a treemap: choices, the legend, and the way from the top to what is shown.
"use strict";

(() => {
  /** Adds a group of buttons, of which one is pressed; `chosen(name)` is called for another. */
  orbscan.choice = (part, label, choices, first, chosen) => {
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

  // What has no bytes has no rectangle, and needs no colour, unless something is wrong with it.
  const isSeen = ([, paint, size]) => size !== "0 B" || paint === "unreadable";

  /** Fills the legend of a colouring. */
  orbscan.legend = (part, colouring) =>
    part.replaceChildren(
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

  /** Fills the list of what lies above a node; `zoom(node)` is called for each of these. */
  orbscan.crumbs = (part, node, zoom) => {
    const above = [];
    for (let at = node; at; at = at.parent) {
      above.unshift(at);
    }
    part.replaceChildren(
      ...above.map((at) =>
        orbscan.make(
          "li",
          {},
          orbscan.make("button", {
            type: "button",
            text: at.parent ? at.label : "everything",
            "aria-current": at === node ? "true" : null,
            onclick: () => zoom(at),
          }),
        ),
      ),
      orbscan.make("li", { class: "faint", text: `${node.memoryText} in memory` }),
    );
  };

  /** Says how many leaves are not in the page, if there was no room for all. */
  orbscan.tellLeftOut = (part, tree) => {
    if (tree.leftOut) {
      part.hidden = false;
      part.textContent = `${tree.leftOut} had no room in this page, the smallest: “orbscan show” has them all.`;
    }
  };
})();
