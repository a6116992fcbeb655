import { createECDH, generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import sharp from 'sharp';
import {
  apnsKey,
  safariSettings,
  websiteCertificate,
  type Certificate,
} from '../support/apns-service/credentials.ts';
import type { Answer } from '../support/api-client.ts';
import { makeSite, subscribe } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';

function keyPair(): { publicKey: string; privateKey: string } {
  const curve = createECDH('prime256v1');
  curve.generateKeys();
  return {
    publicKey: curve.getPublicKey('base64url'),
    // The curve leaves zeros in front out.
    privateKey: Buffer.concat([Buffer.alloc(32), curve.getPrivateKey()])
      .subarray(-32)
      .toString('base64url'),
  };
}

describe('sites', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let certificate: Certificate;
  before(async () => {
    stack = await startStack({ workers: 0 });
    certificate = await websiteCertificate();
  });
  after(() => stack?.close());

  let count = 0;
  /** Settings with a website push id of their own. */
  const safari = (pem?: string): Record<string, unknown> => ({
    ...safariSettings(certificate, pem),
    websitePushId: `web.example.shop${(count += 1)}`,
  });
  const patch = (id: string, body: unknown): Promise<Answer> =>
    stack.client.raw('PATCH', `/v1/sites/${id}`, JSON.stringify(body));
  const docOf = (id: string) => stack.db.collection('sites').findOne({ _id: id as never });
  const png = async (width: number, height: number): Promise<string> => {
    const image = sharp({ create: { width, height, channels: 4, background: '#06c' } });
    return (await image.png().toBuffer()).toString('base64');
  };

  describe('secrets', () => {
    const fcmLegacy = { senderId: '1234567890', serverKey: 'AAAA-a_server-key-0123456789' };

    it('are never shown and stand in the database sealed, also the private VAPID key', async () => {
      const key = apnsKey();
      const vapid = keyPair();
      const created = await stack.client.post('/v1/sites', {
        name: 'Shop',
        vapid,
        fcmLegacy,
        safari: safari(key.pem),
      });
      expect(created.status).to.equal(201);
      const { id } = created.body as { id: string };
      const shown = [
        created.body,
        (await stack.client.get(`/v1/sites/${id}`)).body,
        (await stack.client.get('/v1/sites?limit=1000')).body,
        (await patch(id, { name: 'Shop 2' })).body,
      ];
      const secrets = [vapid.privateKey, fcmLegacy.serverKey, key.pem, certificate.key];
      const inside = secrets.flatMap((secret) =>
        [secret, secret.slice(40, 80)].filter((part) => part.length > 19),
      );
      for (const text of [...shown, await docOf(id)].map((part) => JSON.stringify(part))) {
        for (const secret of inside) {
          expect(text.includes(JSON.stringify(secret).slice(1, -1)), secret.slice(0, 12)).to.equal(false);
        }
      }
      expect(shown[3]).to.deep.include({
        name: 'Shop 2',
        vapid: { publicKey: vapid.publicKey },
        fcmLegacy: { senderId: '1234567890', hasServerKey: true },
      });
      const { certificate: about, ...rest } = (shown[3] as { safari: Record<string, any> }).safari;
      expect(rest).to.deep.equal({
        websitePushId: `web.example.shop${count}`,
        websiteName: 'Shop',
        allowedDomains: ['https://shop.example'],
        auth: { kind: 'token', keyId: 'ABCDE12345', teamId: 'TEAM123456', hasPrivateKey: true },
        hasCertificateKey: true,
        hasIcon: false,
      });
      expect(about.subject).to.contain('CN=Website Push ID: web.example.shop');
      expect(Date.parse(about.validTo as string)).to.be.greaterThan(Date.now());
    });

    it('of sites made before they were sealed go on being read', async () => {
      const site = await makeSite(stack);
      const plain = keyPair();
      await stack.db.collection('sites').updateOne({ _id: site.id as never }, { $set: { vapid: plain } });
      expect((await stack.client.get(`/v1/sites/${site.id}`)).body.vapid).to.deep.equal({
        publicKey: plain.publicKey,
      });
      await stack.client.must(`/v1/sites/${site.id}/rotate-vapid`, {});
      const [earlier] = (await docOf(site.id))?.earlierVapid as [{ publicKey: string; privateKey: string }];
      expect(earlier.publicKey).to.equal(plain.publicKey);
      expect(earlier.privateKey, 'sealed on this occasion').to.match(/^v1\./);
    });
  });

  describe('a change', () => {
    it('leaves what is absent, and takes away what is null', async () => {
      const site = await makeSite(stack, {
        timezone: 'Europe/Berlin',
        defaultIcon: 'https://shop.example/icon.png',
        safari: { ...safari(apnsKey().pem), icon: await png(256, 256) },
        fcmLegacy: { senderId: '1234567890', serverKey: 'AAAA-a_server-key-0123456789' },
      });
      const before = await docOf(site.id);
      const changed = await patch(site.id, {
        timezone: null,
        safari: { websiteName: 'Shop 3', auth: { kind: 'token', keyId: 'KKKKK12345', teamId: 'TEAM123456' } },
        fcmLegacy: { senderId: '9876543210' },
      });
      expect(changed.status, JSON.stringify(changed.body)).to.equal(200);
      expect(changed.body).to.not.have.property('timezone');
      expect(changed.body.safari).to.deep.include({ websiteName: 'Shop 3', hasIcon: true });
      expect(changed.body.safari.auth).to.deep.include({ keyId: 'KKKKK12345', hasPrivateKey: true });
      expect(changed.body.fcmLegacy.senderId).to.equal('9876543210');
      expect(changed.body.defaultIcon).to.equal('https://shop.example/icon.png');
      const after = await docOf(site.id);
      expect(after?.vapid).to.deep.equal(before?.vapid);

      const bare = await patch(site.id, { safari: null, fcmLegacy: null, defaultIcon: null });
      for (const name of ['safari', 'fcmLegacy', 'defaultIcon']) expect(bare.body).to.not.have.property(name);
      expectProblem(await patch('0'.repeat(24), {}), 'not_found');
      expectProblem(await patch(site.id, { vapid: keyPair() }), 'validation_failed');
    });

    it('names every fault of the credentials at once', async () => {
      const site = await makeSite(stack);
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
      const faulty = await patch(site.id, {
        safari: {
          ...safari(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string),
          certificate: (await websiteCertificate({ expired: true })).cert,
          icon: await png(300, 200),
        },
      });
      expect(expectProblem(faulty, 'validation_failed').sort()).to.deep.equal([
        '/safari/auth/privateKey',
        '/safari/certificate',
        '/safari/certificateKey',
        '/safari/icon',
      ]);
      const details = (faulty.body.errors as { detail: string }[]).map(({ detail }) => detail).join('\n');
      expect(details).to.match(/expired on 20/);
      expect(details).to.match(/does not belong to the certificate/);
      expect(details).to.match(/must be square, and is 300 × 200/);
      expect(details).to.match(/must be a P-256 key/);
      expect((await stack.client.get(`/v1/sites/${site.id}`)).body).to.not.have.property('safari');
    });

    it('refuses what is not of its form, each by its place', async () => {
      const site = await makeSite(stack);
      const good = safari();
      const cases: [object, string][] = [
        [{ safari: { ...good, websitePushId: 'example' } }, '/safari/websitePushId'],
        [{ safari: { ...good, allowedDomains: [] } }, '/safari/allowedDomains'],
        [{ safari: { ...good, allowedDomains: ['http://shop.example'] } }, '/safari/allowedDomains/0'],
        [
          { safari: { ...good, auth: { kind: 'token', keyId: 'x', teamId: 'TEAM123456' } } },
          '/safari/auth/keyId',
        ],
        [{ safari: { ...good, certificate: 'x' } }, '/safari/certificate'],
        [{ safari: { ...good, certificate: '-----BEGIN CERTIFICATE-----' } }, '/safari/certificate'],
        [{ safari: { ...good, icon: await png(128, 128) } }, '/safari/icon'],
        [{ safari: { ...good, icon: Buffer.from('no image').toString('base64') } }, '/safari/icon'],
        [{ safari: { websiteName: 'Shop' } }, '/safari/certificate'],
        [{ fcmLegacy: { senderId: '1234567890' } }, '/fcmLegacy/serverKey'],
        [{ fcmLegacy: { senderId: 'x', serverKey: 'AAAA-a_server-key-0123456789' } }, '/fcmLegacy/senderId'],
        [{ defaultIcon: 'http://shop.example/icon.png' }, '/defaultIcon'],
        [{ timezone: 'Mars/Olympus' }, '/timezone'],
      ];
      for (const [body, pointer] of cases) {
        const about = JSON.stringify(body).slice(0, 80);
        expect(expectProblem(await patch(site.id, body), 'validation_failed', about), about).to.include(
          pointer,
        );
      }
    });

    it('to a website push id that several sites take at once is of one, and a fault of the others', async () => {
      const settings = safari();
      const made = await Promise.all(
        [1, 2, 3, 4].map((i) => stack.client.post('/v1/sites', { name: `S${i}`, safari: settings })),
      );
      expect(made.map(({ status }) => status).sort()).to.deep.equal([201, 422, 422, 422]);
      const refused = made.filter(({ status }) => status === 422);
      for (const answer of refused) {
        expect(expectProblem(answer, 'validation_failed')).to.deep.equal(['/safari/websitePushId']);
      }
      const again = safari();
      const sites = await Promise.all([1, 2, 3].map(() => makeSite(stack)));
      const changed = await Promise.all(sites.map(({ id }) => patch(id, { safari: again })));
      expect(changed.map(({ status }) => status).sort()).to.deep.equal([200, 422, 422]);
    });

    it('of what Safari needs warns when Safari cannot call us, without https', async () => {
      const settings = safari();
      const created = await stack.client.must('/v1/sites', { name: 'Shop', safari: settings });
      const id = created.id as string;
      const changed = await patch(id, { safari: { websiteName: 'Shop 5' } });
      for (const { warnings } of [created, changed.body as Record<string, any>]) {
        expect(warnings).to.have.length(1);
        expect(warnings[0].pointer).to.equal('/safari');
        expect(warnings[0].detail).to.match(/BECKON_PUBLIC_URL, which must be https and is http:/);
      }
      expect((await patch(id, { name: 'Shop 6' })).body).to.not.have.property('warnings');
    });

    it('cannot take the website push id of another site', async () => {
      const settings = safari();
      const first = await makeSite(stack, { safari: settings });
      const second = await makeSite(stack);
      const answer = await patch(second.id, { safari: settings });
      expect(expectProblem(answer, 'validation_failed')).to.deep.equal(['/safari/websitePushId']);
      expect((await patch(first.id, { safari: { websiteName: 'Shop 4' } })).status).to.equal(200);
    });
  });

  describe('VAPID keys', () => {
    it('change without losing subscribers, who are counted by the key they subscribed under', async () => {
      const site = await makeSite(stack);
      const first = site.vapid.publicKey;
      const old = await subscribe(stack, site, 'vapid-1');
      // As one of a version that noted no keys.
      await stack.db
        .collection('subscriptions')
        .updateOne({ _id: old.id as never }, { $unset: { vapidPublicKey: 1 } });
      const brought = keyPair();
      const rotated = await stack.client.post(`/v1/sites/${site.id}/rotate-vapid`, { vapid: brought });
      expect(rotated.status).to.equal(200);
      expect(rotated.body.vapid).to.deep.equal({ publicKey: brought.publicKey });
      expect(rotated.body.earlierVapid).to.have.length(1);
      expect(rotated.body.earlierVapid[0]).to.include({ publicKey: first });

      const next = await subscribe(stack, { ...site, vapid: brought }, 'vapid-2');
      await subscribe(stack, site, 'vapid-3', { vapidPublicKey: first });
      const made = await stack.client.must(`/v1/sites/${site.id}/rotate-vapid`, {});
      const third = made.vapid.publicKey as string;
      expect((await stack.client.get(`/v1/subscriptions/${next.id}`)).body.vapidPublicKey).to.equal(
        brought.publicKey,
      );
      const counts = async () => (await stack.client.get(`/v1/sites/${site.id}/subscribers`)).body;
      expect(await counts()).to.deep.equal({
        active: { vapid: 3, fcmLegacy: 0, apns: 0 },
        vapidKeys: [
          { publicKey: third, current: true, active: 0 },
          { publicKey: brought.publicKey, current: false, active: 1 },
          { publicKey: first, current: false, active: 2 },
        ],
        movedToVapid: 0,
      });

      // The one without a note is that of the first key, also when it is synced again.
      const again = await stack.client.post('/v1/subscriptions', {
        siteId: site.id,
        identity: 'vapid-1',
        transport: 'vapid',
        pushSubscription: { endpoint: old.endpoint, keys: (await docKeys(old.id)) as object },
      });
      expect(again.status).to.equal(200);
      expect(again.body).to.not.have.property('vapidPublicKey');
    });
    const docKeys = async (id: string): Promise<unknown> =>
      (await stack.db.collection('subscriptions').findOne({ _id: id as never }))?.keys;

    it('become current again without being kept twice, and repeating a change changes nothing', async () => {
      const [a, b] = [keyPair(), keyPair()];
      const site = await makeSite(stack, { vapid: a });
      const rotate = async (
        vapid: object,
      ): Promise<{ vapid: object; earlierVapid: { publicKey: string }[] }> =>
        stack.client.must(`/v1/sites/${site.id}/rotate-vapid`, { vapid });
      await rotate(b);
      const repeated = await rotate(b);
      expect(repeated.earlierVapid.map(({ publicKey }) => publicKey)).to.deep.equal([a.publicKey]);
      const back = await rotate(a);
      expect(back.vapid).to.deep.equal({ publicKey: a.publicKey });
      expect(back.earlierVapid.map(({ publicKey }) => publicKey)).to.deep.equal([b.publicKey]);
    });

    it('rotated at once by several lose no pair', async () => {
      const site = await makeSite(stack);
      const pairs = Array.from({ length: 5 }, keyPair);
      await Promise.all(
        pairs.map((vapid) => stack.client.must(`/v1/sites/${site.id}/rotate-vapid`, { vapid })),
      );
      const { body } = await stack.client.get(`/v1/sites/${site.id}`);
      const kept = [body.vapid, ...body.earlierVapid].map(
        ({ publicKey }: { publicKey: string }) => publicKey,
      );
      expect(kept.sort()).to.deep.equal(
        [site.vapid.publicKey, ...pairs.map(({ publicKey }) => publicKey)].sort(),
      );
    });

    it('are rotated once for an idempotency key, also when the answer of the first call was lost', async () => {
      const site = await makeSite(stack);
      const rotate = (key: string): Promise<Answer> =>
        stack.client.post(`/v1/sites/${site.id}/rotate-vapid`, {}, { 'idempotency-key': key });
      const first = await rotate('rotation-1');
      // As after a crash before the answer was noted.
      const { deletedCount } = await stack.db
        .collection('idempotency')
        .deleteMany({ _id: /rotation-1$/ as never });
      expect(deletedCount).to.equal(1);
      expect((await rotate('rotation-1')).body).to.deep.equal(first.body);
      const second = await rotate('rotation-2');
      await stack.db.collection('idempotency').deleteMany({ _id: /rotation-1$/ as never });
      const late = await rotate('rotation-1');
      expect(late.body, 'after another rotation').to.deep.equal(second.body);
      expect(late.body.earlierVapid).to.have.length(2);
    });

    it('that nobody is subscribed under can be deleted, which makes room for others', async () => {
      const site = await makeSite(stack);
      const first = site.vapid.publicKey;
      const old = await subscribe(stack, site, 'vapid-delete-1');
      await stack.db
        .collection('subscriptions')
        .updateOne({ _id: old.id as never }, { $unset: { vapidPublicKey: 1 } });
      const pairs = Array.from({ length: 3 }, keyPair);
      for (const vapid of pairs) await stack.client.must(`/v1/sites/${site.id}/rotate-vapid`, { vapid });
      const remove = (publicKey: string): Promise<Answer> =>
        stack.client.raw('DELETE', `/v1/sites/${site.id}/vapid-keys/${publicKey}`);
      expectProblem(await remove(pairs[2]!.publicKey), 'in_use', 'the current one');
      expectProblem(await remove(first), 'in_use', 'one with a subscriber');
      expectProblem(await remove(keyPair().publicKey), 'not_found');
      const removed = await remove(pairs[0]!.publicKey);
      expect(removed.status, JSON.stringify(removed.body)).to.equal(200);
      const left = removed.body.earlierVapid.map(({ publicKey }: { publicKey: string }) => publicKey);
      expect(left).to.deep.equal([pairs[1]!.publicKey, first]);
      expectProblem(await remove(pairs[0]!.publicKey), 'not_found');

      await stack.client.raw('DELETE', `/v1/subscriptions/${old.id}`);
      expect((await remove(first)).status, 'once nobody is').to.equal(200);
      // A subscription whose key is not noted was made under the first, not under the one that is current.
      const doc = await docOf(site.id);
      expect(doc?.firstVapidPublicKey).to.equal(first);

      const earlier = Array.from({ length: 50 }, () => ({ ...keyPair(), retiredAt: new Date() }));
      await stack.db
        .collection('sites')
        .updateOne({ _id: site.id as never }, { $set: { earlierVapid: earlier } });
      const rotate = (): Promise<Answer> => stack.client.post(`/v1/sites/${site.id}/rotate-vapid`, {});
      expectProblem(await rotate(), 'too_many');
      expect((await remove(earlier[7]!.publicKey)).status).to.equal(200);
      expect((await rotate()).status).to.equal(200);
    });

    it('must be a pair, and a subscription must name one that the site has or had', async () => {
      const site = await makeSite(stack);
      const mixed = { publicKey: keyPair().publicKey, privateKey: keyPair().privateKey };
      const answer = await stack.client.post(`/v1/sites/${site.id}/rotate-vapid`, { vapid: mixed });
      expect(expectProblem(answer, 'validation_failed')).to.deep.equal(['/vapid']);
      const { endpoint, keys } = stack.push.subscribe();
      const foreign = await stack.client.post('/v1/subscriptions', {
        siteId: site.id,
        identity: 'x',
        transport: 'vapid',
        pushSubscription: { endpoint, keys },
        vapidPublicKey: keyPair().publicKey,
      });
      expect(expectProblem(foreign, 'validation_failed')).to.deep.equal(['/vapidPublicKey']);
    });
  });

  describe('legacy FCM', () => {
    const token = 'dQw4w9WgXcQ:APA91bH-legacy_token';
    const fcmLegacy = { senderId: '1234567890', serverKey: 'AAAA-a_server-key-0123456789' };
    /** Calls as the SDK does. */
    const sdk = (body: object): Promise<Response> =>
      fetch(`${stack.api.url}/v1/sdk/subscriptions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: 'https://shop.example' },
        body: JSON.stringify(body),
      });

    it('gives out the manifest with the sender id', async () => {
      const site = await makeSite(stack, { name: 'Acme Fashion', fcmLegacy });
      const answer = await fetch(`${stack.api.url}/v1/sdk/manifest.json?siteId=${site.id}`);
      expect(answer.headers.get('content-type')).to.match(/^application\/manifest\+json/);
      expect(answer.headers.get('access-control-allow-origin')).to.equal('*');
      expect(await answer.json()).to.deep.equal({ name: 'Acme Fashion', gcm_sender_id: '1234567890' });
    });

    it('is beside VAPID until a browser subscribes anew: then it is counted as moved, and keeps its person', async () => {
      const site = await makeSite(stack, { fcmLegacy });
      const old = await stack.client.must('/v1/subscriptions', {
        siteId: site.id,
        identity: 'fcm-1',
        transport: 'fcmLegacy',
        token,
      });
      expect(old).to.include({ transport: 'fcmLegacy', endpoint: token, status: 'active' });
      const counts = async () => (await stack.client.get(`/v1/sites/${site.id}/subscribers`)).body;
      expect(await counts()).to.deep.include({
        active: { vapid: 0, fcmLegacy: 1, apns: 0 },
        movedToVapid: 0,
      });

      const { endpoint, keys } = stack.push.subscribe({ vapidPublicKey: site.vapid.publicKey });
      const subscribing = {
        siteId: site.id,
        transport: 'vapid',
        pushSubscription: { endpoint, keys },
        vapidPublicKey: site.vapid.publicKey,
        anonymousId: 'somebody',
        replaces: `https://fcm.googleapis.com/fcm/send/${token}`,
      };
      for (const status of [201, 200]) {
        const answer = await sdk(subscribing);
        expect(answer.status).to.equal(status);
        expect(await answer.json()).to.include({ objectId: old.objectId, endpoint });
        expect(await counts()).to.deep.include({
          active: { vapid: 1, fcmLegacy: 0, apns: 0 },
          movedToVapid: 1,
        });
      }
      expect((await stack.client.get(`/v1/subscriptions/${old.id}`)).body).to.include({ status: 'expired' });
      const profile = await stack.db.collection('profiles').findOne({ _id: old.objectId });
      expect(profile?.pushSites).to.deep.equal([site.id]);
    });

    it('subscribes by the SDK too, where the site has its settings', async () => {
      const site = await makeSite(stack, { fcmLegacy });
      const body = { siteId: site.id, transport: 'fcmLegacy', token, anonymousId: 'a-visitor' };
      expect((await sdk(body)).status).to.equal(201);
      const bare = await makeSite(stack);
      const refused = await sdk({ ...body, siteId: bare.id });
      expect(refused.status).to.equal(422);
      const problem = (await refused.json()) as { errors: { pointer: string }[] };
      expect(problem.errors.map(({ pointer }) => pointer)).to.deep.equal(['/transport']);
    });
  });

  describe('subscriptions through APNs', () => {
    it('can be brought along by the server, where the site has its settings', async () => {
      const site = await makeSite(stack, { safari: safari() });
      const body = { siteId: site.id, identity: 'apns-1', transport: 'apns', deviceToken: 'AB'.repeat(32) };
      expect(await stack.client.must('/v1/subscriptions', body)).to.include({
        transport: 'apns',
        endpoint: 'ab'.repeat(32),
      });
      const bare = await makeSite(stack);
      expect(
        expectProblem(
          await stack.client.post('/v1/subscriptions', { ...body, siteId: bare.id }),
          'validation_failed',
        ),
      ).to.deep.equal(['/transport']);
      for (const [fault, pointer] of [
        [{ deviceToken: 'xyz' }, '/deviceToken'],
        [{ transport: 'smoke' }, '/transport'],
        [{ token: 'x' }, '/token'],
      ] as const) {
        const answer = await stack.client.post('/v1/subscriptions', { ...body, ...fault });
        expect(expectProblem(answer, 'validation_failed'), pointer).to.include(pointer);
      }
    });
  });
});
