// Runs before gradio: settles the language that the first paint is drawn in.
// The visitor's own choice comes first, then the server's, then the browser's list. Every sort of Chinese (zh, zh-CN,
// zh-HK, zh-TW, zh-SG, zh-Hans ...) gets Chinese; gradio knows only zh-CN and zh-TW, so it is told one of these.
(() => {
  const SETTLED = "__LANGUAGE__";
  const KEY = "inkstone.language";
  const known = (tag) => { const t = String(tag || "").toLowerCase(); return t.startsWith("zh") ? "zh" : t.startsWith("en") ? "en" : null; };
  const read = () => { try { return known(localStorage.getItem(KEY)); } catch { return null; } };
  const tags = navigator.languages?.length ? [...navigator.languages] : [navigator.language];
  const language = read() || known(SETTLED) || tags.map(known).find(Boolean) || "en";
  const traditional = tags.some((t) => /^zh-(tw|hk|mo|hant)/i.test(t));
  const tag = language === "zh" ? (traditional ? "zh-TW" : "zh-CN") : "en";
  Object.defineProperty(navigator, "language", { get: () => tag, configurable: true });
  document.documentElement.lang = tag;
  // the switch stands right before gradio draws it: what the page asks while it opens is asked in this language
  let config;
  Object.defineProperty(window, "gradio_config", {
    get: () => config,
    set(given) {
      config = given;
      const chooser = given?.components?.find(({ props }) => props?.elem_id === "ink-language");
      if (chooser) chooser.props.value = language;
    },
    configurable: true,
  });
  window.inkstone = {
    language,
    remember(chosen) {
      this.language = chosen;
      document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
      try { localStorage.setItem(KEY, chosen); } catch { /* private window: the choice lasts until reload */ }
      return chosen;
    },
    tab: location.hash.slice(1),
    // gradio tells of its first tab too, before the one that the address names has been turned to
    turnTo(tab) {
      if (this.tab === null) history.replaceState(null, "", `#${tab}`);
    },
    // what ticks for a tab does so while that tab is the one looked at. Asked of the page once it has settled: the first
    // tab may be told of after the one that the address names
    async live(timed) {
      await new Promise((done) => setTimeout(done, 60));
      const isOpen = (tab) => document.getElementById(`ink-tab-${tab}-button`)?.ariaSelected === "true";
      return timed.map((tab) => ({ __type__: "update", active: isOpen(tab) }));
    },
    reopen() {
      const named = document.getElementById(`ink-tab-${this.tab}-button`);
      this.tab = null;
      named?.click();
    },
  };
})();
