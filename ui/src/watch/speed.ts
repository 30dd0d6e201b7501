// How fast a job goes, from what was seen of it lately.

import { useRef } from "preact/hooks";
import type { Job } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";
import { millisOf } from "../parts/format.js";

const windowMs = 15_000;

interface Sample {
  at: number;
  done: number;
}

/** Returns the items per second of a job, of the last seconds if it is watched, else since its start. */
export function useSpeed(job: Job): number {
  const samples = useRef<Sample[]>([]);
  const done = Number(job.progress?.done ?? 0n);
  const now = Date.now();
  const last = samples.current.at(-1);
  if (last === undefined || done !== last.done || now - last.at > 500) {
    samples.current = [...samples.current.filter(({ at }) => now - at < windowMs), { at: now, done }];
  }
  const first = samples.current[0];
  if (first !== undefined && now - first.at > 3000) {
    return (1000 * (done - first.done)) / (now - first.at);
  }
  return overall(job);
}

/** Returns the items per second of a job from its start to its end, or until now. */
export function overall(job: Job): number {
  if (job.startTime === undefined) {
    return 0;
  }
  const end = job.endTime === undefined ? Date.now() : millisOf(job.endTime);
  const seconds = (end - millisOf(job.startTime)) / 1000;
  return seconds > 0 ? Number(job.progress?.done ?? 0n) / seconds : 0;
}
