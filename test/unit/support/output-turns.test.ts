import { expect } from 'chai';
import { createTurns } from '../../support/output-turns.ts';

describe('what jobs print that run side by side', () => {
  it('is shown in their order: of the first that is not over at once, of the others when it is their turn', () => {
    const printed: string[] = [];
    const turns = createTurns(4, (text) => printed.push(text));
    const [first, second, third, fourth] = [0, 1, 2, 3].map((index) => turns.show(index));
    second!('b1');
    first!('a1');
    expect(printed).to.deep.equal(['a1']);
    second!('b2');
    turns.end(1);
    third!('c1');
    first!('a2');
    expect(printed.splice(0)).to.deep.equal(['a1', 'a2']);
    turns.end(0);
    expect(printed.splice(0)).to.deep.equal(['b1', 'b2', 'c1']);
    third!('c2');
    // What arrives late is not lost.
    first!('a3');
    turns.end(2);
    fourth!('d1');
    turns.end(3);
    expect(printed).to.deep.equal(['c2', 'a3', 'd1']);
  });
});
