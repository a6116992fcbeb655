/** Bodies that work, for `/v1/webhooks`. */
export const webhookExamples = {
  plain: {
    summary: 'An address and nothing else',
    value: { name: 'CRM', url: 'https://crm.example.com/hooks/beckon' },
  },
  careful: {
    summary: 'With a token, a query pair, limits and retries of its own',
    value: {
      name: 'Call centre',
      method: 'PUT',
      url: 'https://calls.example.com/queue',
      query: [{ name: 'source', value: 'beckon' }],
      headers: [{ name: 'Authorization', value: 'Bearer 5f2c9e', secret: true }],
      limits: { concurrency: 2, perMinute: 600, timeout: '5s' },
      retries: { maxTries: 5, base: '10s', factor: 2, cap: '10m', jitter: 0.2 },
    },
  },
};
