/**
 * Which of many small whole numbers is due first: a binary heap that can move and remove any of them.
 *
 * @module
 */

export interface Deadlines {
  /** The number that is due first; -1 when there is none. */
  first(): number;
  /** When a number that is kept is due. */
  at(member: number): number;
  /** Adds a number from 0 on, or moves it. */
  set(member: number, at: number): void;
  /** Takes out a number that is kept. */
  remove(member: number): void;
}

/** An empty heap: 16 bytes for each number. */
export function deadlines(): Deadlines {
  let size = 0;
  // By place in the heap: when, and which number. By number: its place + 1, or 0.
  let times = new Float64Array(1024);
  let members = new Int32Array(1024);
  let places = new Int32Array(1024);

  function put(place: number, member: number, at: number): void {
    times[place] = at;
    members[place] = member;
    places[member] = place + 1;
  }

  function rise(from: number, member: number, at: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const time = times[parent] as number;
      if (time <= at) break;
      put(place, members[parent] as number, time);
      place = parent;
    }
    put(place, member, at);
  }

  function sink(from: number, member: number, at: number): void {
    let place = from;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && (times[child + 1] as number) < (times[child] as number)) child += 1;
      const time = times[child] as number;
      if (time >= at) break;
      put(place, members[child] as number, time);
      place = child;
    }
    put(place, member, at);
  }

  return {
    first: () => (size === 0 ? -1 : (members[0] as number)),
    at: (member) => times[(places[member] as number) - 1] as number,
    set(member, at) {
      const known = (places[member] ?? 0) - 1;
      if (known >= 0) {
        if (at < (times[known] as number)) rise(known, member, at);
        else sink(known, member, at);
        return;
      }
      if (size === times.length) {
        times = grown(times, new Float64Array(size * 2));
        members = grown(members, new Int32Array(size * 2));
      }
      if (member >= places.length) {
        places = grown(places, new Int32Array(Math.max(places.length * 2, member + 1)));
      }
      size += 1;
      rise(size - 1, member, at);
    },
    remove(member) {
      const place = (places[member] as number) - 1;
      places[member] = 0;
      size -= 1;
      if (place === size) return;
      // The last one takes its place, from where it may belong higher or lower.
      const last = members[size] as number;
      const at = times[size] as number;
      if (place > 0 && at < (times[(place - 1) >> 1] as number)) rise(place, last, at);
      else sink(place, last, at);
    },
  };
}

function grown<Numbers extends Float64Array | Int32Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
