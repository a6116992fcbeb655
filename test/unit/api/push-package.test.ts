import forge from 'node-forge';
import { expect } from 'chai';
import type { Problem } from '../../../api/http/problem.ts';
import { createPushPackages } from '../../../api/safari/push-package.ts';
import { createSigner } from '../../../api/safari/signer.ts';
import { safariSettings, websiteCertificate } from '../../support/apns-service/credentials.ts';

describe('push packages', function () {
  this.timeout(30_000);
  const inputOf = async (name = 'Shop') => ({
    safari: { ...safariSettings(await websiteCertificate()), websiteName: name },
    icons: new Map([['icon_16x16.png', Buffer.from('png')]]),
    webServiceUrl: 'https://push.example/v1/safari',
    authenticationToken: 'x'.repeat(20),
  });

  it('are signed outside of the event loop, by certificates that were read once', async () => {
    const input = await inputOf();
    const { certificateFromPem, privateKeyFromPem } = forge.pki;
    let read = 0;
    forge.pki.certificateFromPem = (...given) => {
      read += 1;
      return certificateFromPem(...given);
    };
    forge.pki.privateKeyFromPem = () => {
      throw new Error('the key is read by the library, which signs with it in JavaScript');
    };
    try {
      const build = createPushPackages();
      await Promise.all(Array.from({ length: 5 }, () => build(input)));
      expect(read).to.equal(1);
      await build(await inputOf());
      expect(read, 'of another certificate').to.equal(2);
    } finally {
      Object.assign(forge.pki, { certificateFromPem, privateKeyFromPem });
    }
  });

  it('hold a signature over exactly the attributes that are sent', async () => {
    const { safari } = await inputOf();
    const der = await createSigner()(Buffer.from('{"a":1}'), safari);
    const asn1 = forge.asn1.fromDer(forge.util.createBuffer(der.toString('binary')));
    const { rawCapture } = forge.pkcs7.messageFromAsn1(asn1) as unknown as {
      rawCapture: Record<string, any>;
    };
    const set = forge.asn1.create(
      forge.asn1.Class.UNIVERSAL,
      forge.asn1.Type.SET,
      true,
      rawCapture.authenticatedAttributes as forge.asn1.Asn1[],
    );
    const digest = forge.md.sha256.create().update(forge.asn1.toDer(set).getBytes());
    const { publicKey } = forge.pki.certificateFromPem(safari.certificate);
    const verified = (publicKey as forge.pki.rsa.PublicKey).verify(
      digest.digest().getBytes(),
      rawCapture.signature as string,
    );
    expect(verified).to.equal(true);
  });

  it('are refused, and not heaped up, when too many are asked for at once', async () => {
    const input = await inputOf();
    const build = createPushPackages();
    const all = await Promise.allSettled(Array.from({ length: 250 }, () => build(input)));
    const refused = all.filter((one) => one.status === 'rejected').map(({ reason }) => reason as Problem);
    expect(refused).to.have.length(48);
    for (const problem of refused) {
      expect(problem.code).to.equal('too_many_requests');
      expect(problem.headers).to.have.property('Retry-After');
    }
    expect((await build(input)).subarray(0, 2).toString(), 'afterwards').to.equal('PK');
  });

  it('are not made by a key that is none', async () => {
    const input = await inputOf();
    const build = createPushPackages();
    const bad = { ...input, safari: { ...input.safari, certificateKey: 'x' } };
    for (let i = 0; i < 3; i += 1) {
      expect(await build(bad).catch(() => 'refused')).to.equal('refused');
    }
    expect(await build(input), 'failures keep no place').to.be.instanceOf(Buffer);
  });
});
