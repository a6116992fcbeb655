import { expect } from 'chai';
import { PROBLEMS, type ProblemCode } from '../../api/http/problem.ts';
import type { Answer } from './api-client.ts';

/** Looks whether an answer is a problem document (RFC 9457) of the catalogue. @returns its pointers */
export function expectProblem(answer: Answer, code: ProblemCode, about = ''): string[] {
  const { status, headers, body } = answer;
  expect(body, `${about} ${JSON.stringify(body)}`).to.include({ code });
  expect(status, about).to.equal(PROBLEMS[code].status);
  expect(headers.get('content-type'), about).to.match(/^application\/problem\+json\b/);
  expect(body, about).to.include({
    type: `/docs/errors#${code}`,
    title: PROBLEMS[code].title,
    status: PROBLEMS[code].status,
  });
  expect(body.detail, about).to.be.a('string').that.is.not.empty;
  const errors = (body.errors ?? []) as { pointer: string; detail: string }[];
  for (const { detail } of errors) expect(detail, about).to.be.a('string').that.is.not.empty;
  return errors.map(({ pointer }) => pointer);
}
