"use strict";
// The page says the time left without this script; it only keeps the text up to date, and asks the
// server once when the time is up.
for (const place of document.querySelectorAll("[data-until]")) {
  const until = Date.parse(place.dataset.until);
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    const rest = String(seconds % 60).padStart(2, "0");
    place.textContent = seconds === 0 ? "time is up" : `${Math.floor(seconds / 60)}:${rest} left`;
    if (seconds === 0) {
      clearInterval(timer);
      setTimeout(() => location.assign("/"), 1500);
    }
  };
  const timer = setInterval(tick, 1000);
  tick();
}
