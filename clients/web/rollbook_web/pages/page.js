// What only the browser knows: which theme was chosen, how old a figure has become, whether the page's own server answers.
window.Rollbook = (() => {
  const KEY = "rollbook-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem(KEY);
  const theme = () => chosen() || (system.matches ? "dark" : "light");

  function paint() {
    document.documentElement.dataset.theme = theme();
    if (window.Quasar && document.body) Quasar.Dark.set(theme() === "dark");
  }
  function toggle() {
    localStorage.setItem(KEY, theme() === "dark" ? "light" : "dark");
    paint();
  }
  system.addEventListener("change", paint);
  addEventListener("storage", paint);
  document.documentElement.dataset.theme = theme(); // before the first paint: nothing flashes

  // Ages are counted here, so that they grow while nothing is sent. `skew`: our clock against that of the page's server.
  let skew = 0;
  const now = () => Date.now() - skew;
  function age(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min";
    if (s < 172800) return Math.floor(s / 3600) + " h";
    return Math.floor(s / 86400) + " d";
  }
  function tick() {
    for (const one of document.querySelectorAll("[data-since]")) {
      const text = age(now() - Number(one.dataset.since));
      if (one.textContent !== text) one.textContent = text;
    }
  }
  setInterval(tick, 1000);

  function lost() {
    const bar = document.getElementById("gone");
    if (!bar || bar.textContent) return;
    const at = new Date(now()).toISOString();
    bar.textContent = `The page's own process has not answered since ${at.slice(11, 19)} UTC: the figures are as of then. Trying again …`;
  }
  function begin(serverNow) {
    skew = Date.now() - serverNow;
    paint();
    tick();
    window.socket?.on("disconnect", lost);
    window.socket?.on("connect", () => { const bar = document.getElementById("gone"); if (bar) bar.textContent = ""; });
  }
  // More points for a chart that is drawn: [[series, [point, …]], …]. A series keeps its newest `most` points.
  function append(id, more, most, tries = 40) {
    const chart = getElement(id)?.chart;
    if (!chart) {
      if (tries) setTimeout(append, 50, id, more, most, tries - 1); // it is about to be drawn
      return;
    }
    const series = chart.getOption().series.map((one) => ({ data: one.data }));
    for (const [at, points] of more) series[at].data = series[at].data.concat(points).slice(-most);
    chart.setOption({ series });
  }
  return { begin, toggle, age, now, append };
})();
