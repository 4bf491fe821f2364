// Seen before? Asks what is open nearby while the form is filled in, and supports it with one tap.
//
// A help, never a hurdle: without network, or when the answer is late or odd, the block stays away and the form goes on.

const PAUSE_MS = 900;

export class Seen {
  constructor(root, form, { allowed, onSupported, onError, say }) {
    Object.assign(this, { root, form, allowed, onSupported, onError, say });
    this.asked = "";
    root.addEventListener("click", (event) => this.#tapped(event));
  }

  ask() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  get #question() {
    const value = (name) => this.form.elements[name]?.value || "";
    if (!this.allowed() || !value("lat") || !value("lng")) return "";
    const place = { lat: Number(value("lat")).toFixed(5), lng: Number(value("lng")).toFixed(5), accuracy_m: value("accuracy_m") };
    return new URLSearchParams({ ...place, words: value("words").slice(0, 400), cls: value("cls") }).toString();
  }

  async #ask() {
    const question = this.#question;
    if (question === this.asked || (question && !navigator.onLine)) return;
    this.asked = question;
    const html = question ? await this.#answer(question) : "";
    if (question !== this.asked) return; // asked again meanwhile
    this.root.innerHTML = html;
    this.root.hidden = !html.trim();
  }

  async #answer(question) {
    try {
      const answer = await fetch(`${this.root.dataset.url}?${question}`, { headers: { "HX-Request": "true" } });
      return answer.ok && !answer.redirected ? await answer.text() : "";
    } catch {
      return "";
    }
  }

  async #tapped(event) {
    const button = event.target.closest("[data-support]");
    if (!button) return;
    event.preventDefault();
    button.setAttribute("aria-busy", "true");
    const body = new FormData(button.form);
    body.set(button.name, button.value);
    try {
      const answer = await fetch(button.form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const said = await answer.json();
      if (!answer.ok) return this.onError(said.detail || this.say("failed"));
      await this.onSupported();
      window.location.assign(said.location);
    } catch {
      this.onError(this.say("failed"));
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}
