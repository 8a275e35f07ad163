"use strict";
// The provider's bar counts the time down, and says when it is up: then the page is asked for again, and
// the session is over here too.
addEventListener("understudy-bar:over", () => setTimeout(() => location.assign("/"), 1500), { once: true });
