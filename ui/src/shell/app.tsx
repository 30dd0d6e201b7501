import { useEffect } from "preact/hooks";
import { Operate } from "../operate/operate.js";
import { useMayOperate } from "../operate/status.js";
import { Start } from "../start/start.js";
import { JobRoom } from "../watch/job.js";
import { JobList } from "../watch/list.js";
import { type Route, useRoute } from "./route.js";
import { Toasts } from "./toasts.js";
import { TokenQuestion } from "./token.js";

/** The whole page. */
export function App() {
  const route = useRoute();
  const [view = "start"] = route.path;
  const mayOperate = useMayOperate();
  const current = (name: string) => (view === name ? "page" : undefined);
  const place = route.path.join("/");
  // Another view begins at its top.
  useEffect(() => window.scrollTo(0, 0), [place]);
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <header class="top">
        <a class="brand" href="#/start">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect x="2" y="8" width="28" height="14" rx="3" />
            <path d="M11.500 10v10M20.500 10v10" class="line" />
            <path d="M6 22v4M26 22v4" class="leg" />
          </svg>
          Credenza
        </a>
        <nav aria-label="Views">
          <a href="#/start" aria-current={current("start")}>
            Start
          </a>
          <a href="#/jobs" aria-current={current("jobs")}>
            Jobs
          </a>
          {mayOperate && (
            <a href="#/operate" aria-current={current("operate")}>
              Operate
            </a>
          )}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <View view={view} route={route} />
      </main>
      <Toasts />
      <TokenQuestion />
    </>
  );
}

/** Moves the focus without changing the address, which names the view. */
function skip(): void {
  document.getElementById("main")?.focus();
}

function View({ view, route }: { view: string; route: Route }) {
  switch (view) {
    case "start":
      return <Start route={route} />;
    case "jobs":
      return route.path.length > 1 ? <JobRoom route={route} /> : <JobList />;
    case "operate":
      return <Operate />;
    default:
      return (
        <div class="empty">
          <p>There is no such view.</p>
          <a href="#/start">To the start</a>
        </div>
      );
  }
}
