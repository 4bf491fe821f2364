// What it is: chips suggested by the server from the words, and the full list in a sheet.
//
// A choice survives every new set of chips. A second tap on the chosen chip takes the choice back: to say nothing is fine.

export class Classes {
  constructor(root, sheet, onChange) {
    this.root = root;
    this.sheet = sheet;
    this.onChange = onChange;
    this.list = root.querySelector("[data-chips]");
    this.chosen = null; // {slug, name}
    this.list.addEventListener("change", (event) => this.take(event.target));
    this.list.addEventListener("click", (event) => this.untick(event));
    this.list.addEventListener("htmx:afterSwap", () => this.keep());
    // Without network there are no suggestions, and that is nothing to tell anybody about.
    root.addEventListener("htmx:beforeRequest", (event) => navigator.onLine || event.preventDefault());
    root.addEventListener("htmx:sendError", (event) => event.stopPropagation());
    this.prepareSheet();
  }

  take(radio) {
    this.chosen = radio.checked ? { slug: radio.value, name: radio.dataset.name } : null;
    this.onChange();
  }

  // A radio can't be switched off by itself. `was` is the state before this click.
  untick(event) {
    const radio = event.target.closest("input[type=radio]");
    if (!radio) return;
    if (radio.dataset.was === "1") {
      radio.checked = false;
      this.chosen = null;
      this.onChange();
    }
    for (const other of this.list.querySelectorAll("input[type=radio]")) other.dataset.was = other.checked ? "1" : "";
  }

  choose(slug, name) {
    this.chosen = slug ? { slug, name } : null;
    this.keep();
    this.onChange();
  }

  clear() {
    this.chosen = null;
    for (const radio of this.list.querySelectorAll("input:checked")) radio.checked = false;
  }

  keep() {
    if (!this.chosen) return;
    let radio = [...this.list.querySelectorAll("input[type=radio]")].find((one) => one.value === this.chosen.slug);
    if (!radio) {
      const chip = this.root.querySelector("template").content.cloneNode(true);
      radio = chip.querySelector("input");
      radio.value = this.chosen.slug;
      radio.dataset.name = this.chosen.name;
      radio.id = `cls-${this.chosen.slug}`;
      chip.querySelector("label").htmlFor = radio.id;
      chip.querySelector("[data-label]").textContent = this.chosen.name;
      this.list.prepend(chip);
    }
    radio.checked = true;
    radio.dataset.was = "1";
  }

  prepareSheet() {
    const { sheet } = this;
    const search = sheet.querySelector("[type=search]");
    sheet.addEventListener("click", (event) => {
      const item = event.target.closest("[data-slug]");
      if (!item) return;
      this.choose(item.dataset.slug, item.dataset.name);
      sheet.close();
    });
    search.addEventListener("input", () => filter(sheet, search.value.trim()));
  }
}

function filter(sheet, text) {
  let shown = 0;
  for (const group of sheet.querySelectorAll("[data-family]")) {
    let here = 0;
    for (const item of group.querySelectorAll("[data-slug]")) {
      const fits = !text || item.dataset.name.includes(text) || group.dataset.family.includes(text);
      item.hidden = !fits;
      here += fits ? 1 : 0;
    }
    group.hidden = here === 0;
    shown += here;
  }
  sheet.querySelector("[data-none]").hidden = shown > 0;
}
