/** The spelling of values in a JSON text, where what `JSON.parse` makes of them has lost it: `1.50`, `1e3`, spaces. */

/** One value of a text that `JSON.parse` takes; of any other text nothing is promised. */
export class JsonSource {
  readonly #json: string;
  readonly #start: number;

  constructor(json: string, start = 0) {
    this.#json = json;
    this.#start = skipSpace(json, start);
  }

  /** The value as it is spelled. */
  get text(): string {
    return this.#json.slice(this.#start, endOf(this.#json, this.#start));
  }

  /** The members of an object: of several with one name the last, as `JSON.parse` has it. */
  members(): ReadonlyMap<string, JsonSource> {
    const found = new Map<string, JsonSource>();
    for (let at = this.#first('}'); at !== null; at = this.#next(at)) {
      const end = endOf(this.#json, at);
      const name: unknown = JSON.parse(this.#json.slice(at, end));
      const value = new JsonSource(this.#json, skipSpace(this.#json, end) + 1);
      found.set(String(name), value);
      at = value.#start;
    }
    return found;
  }

  /** The items of an array. */
  items(): readonly JsonSource[] {
    const found: JsonSource[] = [];
    for (let at = this.#first(']'); at !== null; at = this.#next(at)) {
      found.push(new JsonSource(this.#json, at));
    }
    return found;
  }

  /** Where the first member or item starts; null where there is none. */
  #first(close: string): number | null {
    const at = skipSpace(this.#json, this.#start + 1);
    return this.#json[at] === close ? null : at;
  }

  /** Where the one after the value at `at` starts. */
  #next(at: number): number | null {
    const end = skipSpace(this.#json, endOf(this.#json, at));
    return this.#json[end] === ',' ? skipSpace(this.#json, end + 1) : null;
  }
}

function skipSpace(json: string, start: number): number {
  let at = start;
  while (' \t\r\n'.includes(json[at] ?? '?')) at += 1;
  return at;
}

/** Where the value at `start` ends. No regular expressions: values of many megabytes would overflow their stack. */
function endOf(json: string, start: number): number {
  const first = json[start];
  if (first === '"') return endOfString(json, start);
  if (first !== '{' && first !== '[') return endOfWord(json, start);
  let depth = 0;
  let at = start;
  do {
    const mark = json[at];
    if (mark === '{' || mark === '[') depth += 1;
    if (mark === '}' || mark === ']') depth -= 1;
    at = mark === '"' ? endOfString(json, at) : at + 1;
  } while (depth > 0 && at < json.length);
  return at;
}

function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** Of a number, `true`, `false` or `null`. */
function endOfWord(json: string, start: number): number {
  let at = start;
  while (at < json.length && !' \t\r\n,]}'.includes(json[at] ?? '')) at += 1;
  return at;
}
