import { type Job, JobState } from "../../../sdk/typescript/src/gen/credenza/v1/job_service_pb.js";

const names: Record<JobState, string> = {
  [JobState.UNSPECIFIED]: "Unknown",
  [JobState.QUEUED]: "Queued",
  [JobState.RUNNING]: "Running",
  [JobState.SUCCEEDED]: "Done",
  [JobState.CANCELLED]: "Cancelled",
  [JobState.FAILED]: "Failed",
  [JobState.PAUSED]: "Paused",
};

/** Whether nothing more happens to a job. */
export function hasEnded(job: Job): boolean {
  return job.state === JobState.SUCCEEDED || job.state === JobState.CANCELLED || job.state === JobState.FAILED;
}

/** Returns the title of a job. */
export function titleOf(job: Job): string {
  return job.displayName || `Job ${job.jobId}`;
}

/** The state of a job. */
export function StateBadge({ state }: { state: JobState }) {
  return <span class={`badge is-${(JobState[state] ?? "unknown").toLowerCase()}`}>{names[state] ?? "Unknown"}</span>;
}
