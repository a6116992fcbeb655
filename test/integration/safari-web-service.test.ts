import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import sharp from 'sharp';
import { safariSettings, websiteCertificate, type Certificate } from '../support/apns-service/credentials.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const run = promisify(execFile);

interface Website {
  authenticationToken: string;
  webServiceURL: string;
  [more: string]: unknown;
}

describe("Safari's web service", function () {
  this.timeout(60_000);
  let stack: TestStack;
  let certificate: Certificate;
  let siteId: string;
  let folder: string;
  before(async () => {
    stack = await startStack({ workers: 0 });
    certificate = await websiteCertificate();
    const icon = await sharp({ create: { width: 300, height: 300, channels: 4, background: '#c00' } })
      .png()
      .toBuffer();
    const site = await stack.client.must('/v1/sites', {
      name: 'Shop',
      origins: ['https://shop.example'],
      safari: { ...safariSettings(certificate), icon: icon.toString('base64') },
    });
    siteId = site.id as string;
    folder = await mkdtemp(join(tmpdir(), 'beckon-safari-'));
  });
  after(async () => {
    await stack?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  /** Calls as Safari does: without a key of ours. */
  async function call(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
  ): Promise<{ status: number; bytes: Buffer; headers: Headers }> {
    const response = await fetch(`${stack.api.url}/v1/safari${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `ApplePushNotifications ${token}` }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return {
      status: response.status,
      bytes: Buffer.from(await response.arrayBuffer()),
      headers: response.headers,
    };
  }

  /** @returns the folder that the push package was unpacked into */
  async function packageFor(userInfo: object, version = 'v2'): Promise<{ at: string; website: Website }> {
    const { status, bytes, headers } = await call(
      'POST',
      `/${version}/pushPackages/web.example.shop`,
      userInfo,
    );
    expect(status).to.equal(200);
    expect(headers.get('content-type')).to.equal('application/zip');
    const at = await mkdtemp(join(folder, 'package-'));
    await writeFile(`${at}.zip`, bytes);
    await run('unzip', ['-q', `${at}.zip`, '-d', at]);
    const website = JSON.parse(await readFile(join(at, 'website.json'), 'utf8')) as Website;
    return { at, website };
  }

  const subscriptions = async (): Promise<Record<string, any>[]> =>
    (await stack.client.get(`/v1/subscriptions?siteId=${siteId}`)).body.data as Record<string, any>[];

  for (const version of ['v1', 'v2']) {
    it(`gives out a push package at ${version} that openssl verifies`, async () => {
      const { at, website } = await packageFor({ anonymousId: 'visitor-1' }, version);
      expect((await readdir(at)).sort()).to.deep.equal([
        'icon.iconset',
        'manifest.json',
        'signature',
        'website.json',
      ]);
      const { authenticationToken, ...rest } = website;
      expect(authenticationToken).to.have.length.of.at.least(16);
      expect(rest).to.deep.equal({
        websiteName: 'Shop',
        websitePushID: 'web.example.shop',
        allowedDomains: ['https://shop.example'],
        urlFormatString: 'https://shop.example/%@',
        webServiceURL: `${stack.api.url}/v1/safari`,
      });

      const icons = (await readdir(join(at, 'icon.iconset'))).sort();
      expect(icons).to.deep.equal([
        'icon_128x128.png',
        'icon_128x128@2x.png',
        'icon_16x16.png',
        'icon_16x16@2x.png',
        'icon_32x32.png',
        'icon_32x32@2x.png',
      ]);
      for (const name of icons) {
        const [, width, double] = /^icon_(\d+)x\d+(@2x)?\.png$/.exec(name) ?? [];
        const pixels = Number(width) * (double ? 2 : 1);
        const image = await sharp(join(at, 'icon.iconset', name)).metadata();
        expect(image, name).to.include({ format: 'png', width: pixels, height: pixels });
      }

      const manifest = JSON.parse(await readFile(join(at, 'manifest.json'), 'utf8')) as Record<
        string,
        object
      >;
      expect(Object.keys(manifest).sort()).to.deep.equal(
        [...icons.map((name) => `icon.iconset/${name}`), 'website.json'].sort(),
      );
      for (const [name, said] of Object.entries(manifest)) {
        const hashValue = createHash('sha512')
          .update(await readFile(join(at, name)))
          .digest('hex');
        expect(said, name).to.deep.equal({ hashType: 'sha512', hashValue });
      }

      await writeFile(join(at, '..', 'certificate.pem'), certificate.cert);
      const verify = (command: string): Promise<unknown> =>
        run('openssl', [
          command,
          ...['-verify', '-binary', '-inform', 'DER', '-in', join(at, 'signature')],
          ...['-content', join(at, 'manifest.json'), '-CAfile', join(at, '..', 'certificate.pem')],
          ...['-purpose', 'any', '-out', '/dev/null'],
        ]);
      await verify('smime');
      await verify('cms');
      // Detached: the manifest itself is not in it, and another one is not what was signed.
      const signature = await readFile(join(at, 'signature'));
      expect(signature.includes('hashType')).to.equal(false);
      await writeFile(join(at, 'manifest.json'), '{}');
      expect(await verify('cms').catch(() => 'refused')).to.equal('refused');
    });
  }

  it('attaches a registration to the visitor who was asked, and opts it out again', async () => {
    const visitor = { anonymousId: 'visitor-2', language: 'de', timezone: 'Europe/Berlin', extra: [1] };
    const { website } = await packageFor(visitor);
    const device = 'AB'.repeat(32);
    const path = `/v2/devices/${device}/registrations/web.example.shop`;
    expect((await call('POST', path, undefined, website.authenticationToken)).status).to.equal(200);
    expect((await call('POST', path, undefined, website.authenticationToken)).status, 'again').to.equal(200);
    const found = (await subscriptions()).filter(({ endpoint }) => endpoint === device.toLowerCase());
    expect(found).to.have.length(1);
    expect(found[0]).to.include({
      transport: 'apns',
      status: 'active',
      browserType: 'Safari',
      platformName: 'macOS',
      language: 'de',
      timezone: 'Europe/Berlin',
    });
    const profile = await stack.db.collection('profiles').findOne({ _id: found[0]?.objectId as never });
    expect(profile).to.include({ identity: `anonymous/${siteId}/visitor-2` });

    expect((await call('DELETE', path, undefined, website.authenticationToken)).status).to.equal(200);
    const after = await stack.client.get(`/v1/subscriptions/${found[0]?.id}`);
    expect(after.body).to.include({ status: 'optedOut' });
  });

  it('refuses tokens that the site did not sign', async () => {
    const { website } = await packageFor({ anonymousId: 'visitor-3' });
    const [said = '', signature = ''] = website.authenticationToken.split('.');
    const other = Buffer.from(JSON.stringify({ id: 'visitor-4' })).toString('base64url');
    const device = 'cd'.repeat(32);
    for (const token of [
      undefined,
      '',
      'x'.repeat(40),
      said,
      `${said}.`,
      `${other}.${signature}`,
      `${said}.${signature}.x`,
    ]) {
      for (const method of ['POST', 'DELETE']) {
        const path = `/v1/devices/${device}/registrations/web.example.shop`;
        expect((await call(method, path, undefined, token)).status, `${method} ${token}`).to.equal(401);
      }
    }
    expect((await subscriptions()).some(({ endpoint }) => endpoint === device)).to.equal(false);
  });

  it('knows no website push id but those of its sites', async () => {
    const { website } = await packageFor({});
    const device = 'ef'.repeat(32);
    const registration = `/v2/devices/${device}/registrations/web.example.other`;
    expect((await call('POST', '/v2/pushPackages/web.example.other', {})).status).to.equal(404);
    expect((await call('POST', registration, undefined, website.authenticationToken)).status).to.equal(404);
    expect((await call('POST', '/v3/pushPackages/web.example.shop', {})).status).to.equal(404);
    const bad = `/v2/devices/not-hex/registrations/web.example.shop`;
    expect((await call('POST', bad, undefined, website.authenticationToken)).status).to.equal(422);
  });

  it('takes a userInfo that says nothing it can use, and none that is too large', async () => {
    const { website } = await packageFor({ anonymousId: 7, timezone: 'Mars/Olympus', language: '' });
    expect(website.authenticationToken).to.have.length.of.at.least(16);
    const large = { anonymousId: 'x', filler: 'x'.repeat(5_000) };
    expect((await call('POST', '/v2/pushPackages/web.example.shop', large)).status).to.equal(413);
    expect((await call('POST', '/v2/pushPackages/web.example.shop', 'x')).status).to.equal(400);
  });

  it('takes what Safari found wrong, within bounds', async () => {
    for (const version of ['v1', 'v2']) {
      expect((await call('POST', `/${version}/log`, { logs: ['a fault', { odd: 1 }] })).status).to.equal(200);
    }
    expect((await call('POST', '/v2/log', { logs: ['x'.repeat(20_000)] })).status).to.equal(413);
    expect((await call('POST', '/v2/log', { logs: 'x' })).status).to.equal(422);
  });
});
