// Leaves the browser's time zone for the next request, and asks for this page again the first time.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  const said = `timeZone=${encodeURIComponent(zone)}`;
  const isSaid = () => document.cookie.split("; ").includes(said);
  if (isSaid()) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${said}; path=/orgs; max-age=31536000; samesite=lax${secure}`;
  if (isSaid()) location.reload();
})();
