import { expect } from 'chai';
import { ConfigError, readConfig } from '../../config.ts';

/** @returns the faults that the environment is refused with */
function faultsOf(env: Record<string, string | undefined>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).to.deep.include({
      port: 3000,
      mongodbUri: undefined,
      temporalAddress: undefined,
      temporalNamespace: 'default',
      temporalTls: false,
      dataDir: '.beckon',
      adminKey: undefined,
      publicUrl: undefined,
      pushHosts: [],
      logLevel: 'info',
    });
  });

  it('takes what is given', () => {
    const config = readConfig({
      PORT: '8080',
      MONGODB_URI: 'mongodb+srv://user:secret@db.example/beckon',
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      TEMPORAL_NAMESPACE: 'beckon.prod',
      TEMPORAL_TLS: 'true',
      BECKON_ADMIN_KEY: 'a-key-of-sixteen-or-more',
      BECKON_PUBLIC_URL: 'https://push.example/',
      BECKON_PUSH_HOSTS: 'push.example, *.push.example:8443 ,',
      LOG_LEVEL: 'debug',
    });
    expect(config).to.deep.include({
      port: 8080,
      mongodbUri: 'mongodb+srv://user:secret@db.example/beckon',
      temporalAddress: 'temporal.example:7233',
      temporalNamespace: 'beckon.prod',
      temporalTls: true,
      adminKey: 'a-key-of-sixteen-or-more',
      publicUrl: 'https://push.example',
      pushHosts: ['push.example', '*.push.example:8443'],
      logLevel: 'debug',
    });
  });

  it('is refused with every fault at once', () => {
    const faults = faultsOf({
      PORT: '65536',
      MONGODB_URI: 'postgres://db.example',
      TEMPORAL_ADDRESS: 'https://temporal.example',
      TEMPORAL_TLS: 'yes',
      TEMPORAL_TLS_CERT: 'cert.pem',
      BECKON_ADMIN_KEY: 'short',
      BECKON_PUBLIC_URL: 'push.example',
      BECKON_PUSH_HOSTS: 'push.example,https://push.example',
      BECKON_CONTACT: 'operator',
      BECKON_COLOUR: 'red',
      LOG_LEVEL: 'loud',
    });
    for (const name of [
      'PORT',
      'MONGODB_URI',
      'TEMPORAL_ADDRESS',
      'TEMPORAL_TLS:',
      'TEMPORAL_TLS_CERT',
      'BECKON_ADMIN_KEY',
      'BECKON_PUBLIC_URL',
      'BECKON_PUSH_HOSTS',
      'BECKON_CONTACT',
      'BECKON_COLOUR',
      'LOG_LEVEL',
    ]) {
      expect(
        faults.some((fault) => fault.startsWith(name)),
        `${name} in ${faults.join('; ')}`,
      ).to.equal(true);
    }
    expect(faults).to.have.length(11);
  });

  it('never repeats a secret in what it says about it', () => {
    const secret = 'sec ret';
    const faults = faultsOf({
      BECKON_ADMIN_KEY: secret,
      MONGODB_URI: `postgres://user:${secret}@db.example`,
    });
    expect(faults).to.have.length(2);
    expect(faults.join()).to.not.contain(secret);
  });

  it('takes an empty variable for one that is absent', () => {
    expect(readConfig({ PORT: '', BECKON_ADMIN_KEY: '', LOG_LEVEL: undefined })).to.include({
      port: 3000,
      adminKey: undefined,
      logLevel: 'info',
    });
  });

  it('takes 32 bytes in either alphabet of base64 as the secret key, and nothing else', () => {
    const key = Buffer.alloc(32, 0xfb);
    for (const form of [key.toString('base64'), key.toString('base64url')])
      expect(readConfig({ BECKON_SECRET_KEY: form }).secretKey).to.deep.equal(key);
    expect(readConfig({}).secretKey).to.equal(undefined);
    const short = Buffer.alloc(31).toString('base64');
    const long = Buffer.alloc(33).toString('base64');
    for (const wrong of [
      'x',
      short,
      long,
      `${key.toString('base64')}=`,
      'a secret of forty-three characters, no more',
    ])
      expect(faultsOf({ BECKON_SECRET_KEY: wrong }), wrong).to.have.length(1);
  });

  it('does not repeat a faulty secret key', () => {
    expect(faultsOf({ BECKON_SECRET_KEY: 'hunter2' }).join())
      .to.include('openssl')
      .and.not.include('hunter2');
  });

  it('takes blocks of addresses that webhooks may reach, and names what is none', () => {
    expect(readConfig({ BECKON_WEBHOOK_ALLOW: '10.1.0.0/16, fd00::/8,' }).webhookAllow).to.deep.equal([
      '10.1.0.0/16',
      'fd00::/8',
    ]);
    expect(readConfig({}).webhookAllow).to.deep.equal([]);
    for (const wrong of ['10.1.2.3', '10.0.0.0/33', 'localhost', '*', '10.1.0.0/16;10.2.0.0/16'])
      expect(faultsOf({ BECKON_WEBHOOK_ALLOW: wrong }), wrong).to.have.length(1);
  });

  it('does not take a port that is no whole number', () => {
    for (const port of ['x', '-1', '1.5', '1e9', '0x', ' ']) {
      expect(faultsOf({ PORT: port }), JSON.stringify(port)).to.have.length(1);
    }
  });

  it('leaves the variables of others and of tests alone', () => {
    expect(faultsOf({ HOME: '/home/x', BECKON_TEST_LOG: 'warn', PATH: '/bin' })).to.deep.equal([]);
  });

  it('uses TLS for Temporal with an API key or with files', () => {
    expect(readConfig({ TEMPORAL_API_KEY: 'secret' }).temporalTls).to.equal(true);
    expect(readConfig({ TEMPORAL_TLS_CA: 'ca.pem' }).temporalTls).to.deep.include({ ca: 'ca.pem' });
    expect(
      readConfig({ TEMPORAL_TLS_CERT: 'cert.pem', TEMPORAL_TLS_KEY: 'key.pem' }).temporalTls,
    ).to.deep.include({ cert: 'cert.pem', key: 'key.pem' });
  });
});
