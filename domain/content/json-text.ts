/** JSON that is written piece by piece and knows whether it stands inside of a string. */
export interface JsonWriter {
  write(piece: string): void;
  text(): string;
  inString(): boolean;
  /** The last character is the backslash of an escape that is not complete. */
  escapes(): boolean;
}

/** @returns a writer that has nothing yet */
export function createJsonWriter(): JsonWriter {
  let text = '';
  let inString = false;
  let escapes = false;
  return {
    write(piece) {
      text += piece;
      for (const character of piece) {
        if (escapes) escapes = false;
        else if (character === '"') inString = !inString;
        else if (inString && character === '\\') escapes = true;
      }
    },
    text: () => text,
    inString: () => inString,
    escapes: () => escapes,
  };
}
