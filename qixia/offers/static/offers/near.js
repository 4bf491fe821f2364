// Sorts the list by distance once the phone says where it is. Without this file the list is by what ends first.

const list = document.querySelector("#offers-list[data-locate]");

async function show({ coords }) {
  const asked = new URLSearchParams({ lat: coords.latitude, lng: coords.longitude });
  const answer = await fetch(`${list.dataset.locate}?${asked}`, { headers: { "HX-Request": "true" } });
  if (answer.ok) list.innerHTML = await answer.text();
}

if (list && navigator.geolocation) {
  navigator.geolocation.getCurrentPosition((found) => show(found).catch(() => {}), () => {}, {
    maximumAge: 60_000,
    timeout: 8_000,
  });
}
