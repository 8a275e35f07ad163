"use strict";
// The provider's bar counts the time down, and says when it is up: then the page of the application is asked for, and
// the session is over here too.
const home = location.pathname.startsWith("/at/") ? location.pathname : "/";
addEventListener("understudy-bar:over", () => setTimeout(() => location.assign(home), 1500), { once: true });
