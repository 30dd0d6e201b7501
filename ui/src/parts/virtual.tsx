import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Browsers cannot lay out elements that are much higher. */
const mostPixels = 8_000_000;
const overscan = 6;

interface VirtualProps {
  label: string;
  total: number;
  rowHeight: number;
  columnCount: number;
  head: ComponentChildren;
  /** Draws the cells of a row. */
  row: (place: number) => ComponentChildren;
  /** Called with the places that are in view. */
  onView: (from: number, to: number) => void;
  /** Called for a row that is clicked, or on which Enter is pressed. */
  onOpen: (place: number) => void;
  /** The list begins at its top again when this changes. */
  listKey: string;
  isBusy: boolean;
}

/**
 * A table with any number of rows, of which only those in view are elements. It is one stop
 * for the Tab key; arrows, Page Up, Page Down, Home and End move within it.
 */
export function VirtualGrid(props: VirtualProps) {
  const { label, total, rowHeight, columnCount, head, row, onView, onOpen, listKey, isBusy } = props;
  const ref = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState(0);
  const [height, setHeight] = useState(600);
  const [active, setActive] = useState(0);
  const full = total * rowHeight;
  const drawn = Math.min(full, mostPixels);
  const headHeight = 40;
  const inner = Math.max(rowHeight, height - headHeight);
  const ratio = drawn > inner && full > drawn ? (full - inner) / (drawn - inner) : 1;
  const offset = scroll * ratio;
  const first = Math.max(0, Math.floor(offset / rowHeight) - overscan);
  const last = Math.min(total - 1, Math.ceil((offset + inner) / rowHeight) + overscan);

  useLayoutEffect(() => onView(first, Math.max(first, last)), [first, last, listKey]);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) {
      return;
    }
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  // Another list begins at its top.
  useLayoutEffect(() => {
    if (ref.current !== null) {
      ref.current.scrollTop = 0;
    }
    setScroll(0);
    setActive(0);
  }, [listKey]);

  const move = (to: number) => {
    const place = Math.max(0, Math.min(total - 1, to));
    setActive(place);
    const element = ref.current;
    if (element === null) {
      return;
    }
    const top = place * rowHeight;
    if (top < offset) {
      element.scrollTop = top / ratio;
    } else if (top + rowHeight > offset + inner) {
      element.scrollTop = (top + rowHeight - inner) / ratio;
    }
  };
  const page = Math.max(1, Math.floor(inner / rowHeight) - 1);
  const moves: Record<string, () => void> = {
    ArrowDown: () => move(active + 1),
    ArrowUp: () => move(active - 1),
    PageDown: () => move(active + page),
    PageUp: () => move(active - page),
    Home: () => move(0),
    End: () => move(total - 1),
    Enter: () => total > 0 && onOpen(active),
  };

  const rows = [];
  for (let place = first; place <= last; place++) {
    rows.push(
      // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys of all rows
      <div
        role="row"
        class={`grid-row ${place === active ? "is-active" : ""}`}
        key={place}
        id={`row-${place}`}
        aria-rowindex={place + 2}
        style={{
          transform: `translateY(${Math.round(place * rowHeight - offset + scroll)}px)`,
          height: `${rowHeight}px`,
        }}
        onClick={() => {
          setActive(place);
          onOpen(place);
        }}
      >
        {row(place)}
      </div>,
    );
  }
  return (
    <div
      ref={ref}
      role="grid"
      class={`grid ${isBusy ? "is-busy" : ""}`}
      aria-label={label}
      aria-rowcount={total + 1}
      aria-colcount={columnCount}
      aria-busy={isBusy}
      aria-activedescendant={total > 0 && active >= first && active <= last ? `row-${active}` : undefined}
      tabIndex={0}
      onScroll={(event) => setScroll(event.currentTarget.scrollTop)}
      onKeyDown={(event) => {
        const go = event.target === event.currentTarget ? moves[event.key] : undefined;
        if (go !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
          event.preventDefault();
          go();
        }
      }}
    >
      <div role="rowgroup" class="grid-head">
        {head}
      </div>
      <div role="rowgroup" class="grid-body" style={{ height: `${drawn}px` }}>
        {rows}
      </div>
    </div>
  );
}
