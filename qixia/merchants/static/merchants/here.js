// Puts the phone's position into the form of an application. Without this file the address alone says where it is.

const button = document.getElementById("here");
const say = document.getElementById("here-say");

if (button && navigator.geolocation) {
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        button.form.elements.lat.value = coords.latitude;
        button.form.elements.lng.value = coords.longitude;
        say.textContent = button.dataset.got;
      },
      () => { say.textContent = button.dataset.failed; },
      { enableHighAccuracy: true, timeout: 10_000 },
    );
  });
}
