// What all scripts of a page share. Each file is a script of its own; `orbscan` is what they have
// in common. No text of a checkpoint ever becomes HTML: elements are made one by one.
"use strict";

const orbscan = {};

/** Makes an element. `class`, `text` and handlers (`onclick`) besides any attribute. */
orbscan.make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  orbscan.set(element, attributes);
  element.append(...children);
  return element;
};

/** Makes an element of SVG. */
orbscan.draw = (name, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  orbscan.set(element, attributes);
  element.append(...children);
  return element;
};

orbscan.set = (element, attributes) => {
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") {
      element.textContent = value;
    } else if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value !== null && value !== false) {
      element.setAttribute(key, value === true ? "" : value);
    }
  }
};

/** Shows a number as the command line does: 12,345. */
orbscan.count = (number) => number.toLocaleString("en-US");

orbscan.leafCount = (number) => (number === 1 ? "1 leaf" : `${orbscan.count(number)} leaves`);

/** Shows a number of bytes as the command line does: 1.5 KiB. */
orbscan.size = (nbytes) => {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  if (nbytes < 1024) {
    return `${nbytes} B`;
  }
  let amount = nbytes / 1024;
  while (amount >= 1024 && units.length > 1) {
    amount /= 1024;
    units.shift();
  }
  return `${amount.toFixed(1)} ${units[0]}`;
};
