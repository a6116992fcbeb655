/** Answers with the database's clock, as well as this instance knows it. */
export interface ServerClock {
  now(): Date;
}
