// Server-Sent Events over fetch: unlike an EventSource, a request can carry a token in a header.

export interface SseEvent {
  event: string;
  data: string;
  id: string;
}

/** Cuts a stream of text into events. */
export class SseCutter {
  private rest = '';

  feed(text: string, each: (event: SseEvent) => void): void {
    const all = this.rest + text;
    let from = 0;
    for (let end = all.indexOf('\n\n'); end >= 0; end = all.indexOf('\n\n', from)) {
      const event: SseEvent = {event: 'message', data: '', id: ''};
      for (let line = from; line < end; ) {
        let next = all.indexOf('\n', line);
        if (next < 0 || next > end) next = end;
        if (all.startsWith('data: ', line)) event.data += (event.data && '\n') + all.slice(line + 6, next);
        else if (all.startsWith('event: ', line)) event.event = all.slice(line + 7, next);
        else if (all.startsWith('id: ', line)) event.id = all.slice(line + 4, next);
        line = next + 1;
      }
      from = end + 2;
      if (event.data) each(event);
    }
    this.rest = all.slice(from);
  }
}

export interface Follower {
  event(event: SseEvent): void;
  /** A turn's events are through. */
  turn(): void;
  state(state: 'connecting' | 'live' | 'waiting'): void;
  /** The stream begins anew: what is not told again is gone. */
  anew(): void;
  /** The server will not let us. */
  refused(status: number): void;
}

const longestWait = 15_000;

/** Follows until aborted, comes again where the stream breaks, from where it was. */
export async function follow(url: string, headers: Record<string, string>, to: Follower, signal: AbortSignal): Promise<void> {
  let last = '';
  let wait = 500;
  while (!signal.aborted) {
    to.state('connecting');
    try {
      const position: Record<string, string> = last ? {'Last-Event-ID': last} : {};
      if (!last) to.anew();
      const response = await fetch(url, {headers: {...headers, ...position, Accept: 'text/event-stream'}, signal});
      if (response.status === 401 || response.status === 403 || response.status === 400 || response.status === 404)
        return to.refused(response.status);
      if (response.status === 410) last = '';
      if (response.ok && response.body) {
        to.state('live');
        wait = 500;
        const cutter = new SseCutter();
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
          const {done, value} = await reader.read();
          if (done) break;
          cutter.feed(value, (event) => {
            if (event.id) last = event.id;
            to.event(event);
          });
          to.turn();
        }
      }
    } catch {
      if (signal.aborted) return;
    }
    to.state('waiting');
    await new Promise((go) => setTimeout(go, wait * (0.75 + Math.random() / 2)));
    wait = Math.min(wait * 2, longestWait);
  }
}
