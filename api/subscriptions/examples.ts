/** Bodies that work, for `/v1/subscriptions`: one of each transport. */
const siteId = '6745c0e1a1b2c3d4e5f60718';

export const subscriptionExamples = {
  vapid: {
    summary: 'Web push by VAPID: what `pushManager.subscribe` gave',
    value: {
      identity: '42',
      siteId,
      transport: 'vapid',
      pushSubscription: {
        endpoint:
          'https://fcm.googleapis.com/fcm/send/dpH5lCsTSSM:APA91bHqjZxM0VImWWqDRN7U0a3AycjUf4O-byuxb_wJsKRaKvV_iKw',
        expirationTime: null,
        keys: {
          p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
          auth: 'BTBZMqHH6r4Tts7J_aSIgg',
        },
      },
      browserType: 'Chrome',
      language: 'de',
      timezone: 'Europe/Berlin',
      topics: ['offers'],
    },
  },
  fcmLegacy: {
    summary: 'Legacy FCM: a registration token',
    value: {
      identity: '42',
      siteId,
      transport: 'fcmLegacy',
      token: 'dpH5lCsTSSM:APA91bHqjZxM0VImWWqDRN7U0a3AycjUf4O-byuxb_wJsKRaKvV_iKw',
    },
  },
  apns: {
    summary: "Safari's website push through APNs: a device token",
    value: {
      identity: '42',
      siteId,
      transport: 'apns',
      deviceToken: '4a5b6c7d8e9f00112233445566778899aabbccddeeff00112233445566778899',
      browserType: 'Safari',
    },
  },
};
