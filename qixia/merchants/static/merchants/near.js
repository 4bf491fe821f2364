// Asks the phone where it is and sorts the list by distance. Without this file the list has open ones first.

const list = document.querySelector("#shops[data-locate]");

function show({ coords }) {
  const asked = new URLSearchParams(window.location.search);
  asked.set("lat", coords.latitude.toFixed(4));
  asked.set("lng", coords.longitude.toFixed(4));
  window.htmx.ajax("GET", `${list.dataset.locate}?${asked}`, { target: "#shops", swap: "innerHTML" });
}

if (list && navigator.geolocation && window.htmx) {
  navigator.geolocation.getCurrentPosition(show, () => {}, { maximumAge: 60_000, timeout: 8_000 });
}
