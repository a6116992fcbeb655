import { expect } from 'chai';
import { UndecryptableError, decryptAes128Gcm, decryptPush } from '../../support/push-service/decrypt.ts';

const bytes = (text: string) => Buffer.from(text, 'base64url');

// RFC 8291 section 5 and appendix A.
const browser = {
  privateKey: bytes('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94'),
  publicKey: bytes('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'),
  auth: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
};
const body = bytes(
  'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
);

describe("the stand-in's decryption", () => {
  it('reads the example of RFC 8188 section 3.1', () => {
    const encrypted = bytes('I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg');
    const plaintext = decryptAes128Gcm(encrypted, bytes('yqdlZ-tYemfogSmv7Ws5PQ'));
    expect(plaintext.toString()).to.equal('I am the walrus');
  });

  it('reads the two records and the padding of RFC 8188 section 3.2', () => {
    const encrypted = bytes(
      'uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA',
    );
    const plaintext = decryptAes128Gcm(encrypted, bytes('BO3ZVPxUlnLORbVGMpbT1Q'));
    expect(plaintext.toString()).to.equal('I am the walrus');
  });

  it('reads the example of RFC 8291 section 5', () => {
    expect(decryptPush(body, browser).toString()).to.equal('When I grow up, I want to be a watermelon');
  });

  it('refuses a body of which any byte was changed', () => {
    for (let at = 0; at < body.length; at++) {
      const changed = Buffer.from(body);
      changed[at] = (changed[at] ?? 0) ^ 1;
      // The record size is signed by nothing: a larger one reads the same.
      if (at >= 16 && at < 20) continue;
      expect(() => decryptPush(changed, browser), `byte ${at}`).to.throw(UndecryptableError);
    }
  });

  it('refuses a body that is cut off anywhere', () => {
    for (let length = 0; length < body.length; length++) {
      expect(() => decryptPush(body.subarray(0, length), browser)).to.throw(UndecryptableError);
    }
  });

  it('refuses the keys of another browser', () => {
    const other = { ...browser, auth: Buffer.alloc(16) };
    expect(() => decryptPush(body, other)).to.throw(UndecryptableError);
  });
});
