import { createServer, type AddressInfo, type Server } from 'node:net';
import { expect } from 'chai';
import { choosePort, freePort } from '../../../embedded/free-port.ts';

describe('a free port', () => {
  let holder: Server;
  let taken: number;
  before(async () => {
    holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    taken = (holder.address() as AddressInfo).port;
  });
  after(() => holder?.close());

  it('is a port that can be told to others, also where any was asked for by 0', async () => {
    for (const port of [await freePort([0]), await choosePort(0, []), await choosePort(undefined, [0])])
      expect(port).to.be.within(1, 65_535);
  });

  it('is the first of those preferred that is free, else any', async () => {
    const free = await freePort();
    expect(await freePort([taken, free])).to.equal(free);
    expect(await freePort([taken]))
      .to.be.within(1, 65_535)
      .and.to.not.equal(taken);
  });

  it('is the one that was asked for and no other', async () => {
    const free = await freePort();
    expect(await choosePort(free, [])).to.equal(free);
    const error = await choosePort(taken, []).catch((reason: unknown) => reason);
    expect(String(error)).to.contain(`Port ${taken} of 127.0.0.1 is taken`);
  });
});
