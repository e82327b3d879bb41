/** A thread that the workers of a pool share. Each of them can ask for a port to it with {@link portToCompanion}. */
export interface Companion {
  /** @param port a `MessagePort`, the other end of a worker's port. (Named so, the declarations of the package would need those of Node.) */
  connect(port: object): void;
  /** Why the thread has ended too early. */
  readonly failure: Error | undefined;
  /** Ends the thread. The pool calls it after its workers have ended. */
  close(): Promise<void>;
}
