/** The little of autocannon that the benchmark uses; the package itself is installed in `bench/` only. */
declare module 'autocannon' {
  interface Client {
    setBody(body: string): void;
    on(event: 'response', listener: () => void): void;
  }
  interface Result {
    requests: { average: number };
    latency: { p99: number };
    non2xx: number;
    errors: number;
  }
  export default function autocannon(options: {
    url: string;
    method: 'POST';
    connections: number;
    duration: number;
    setupClient: (client: Client) => void;
  }): Promise<Result>;
}
