import { expect, test } from 'vitest';

import { systemClock } from '../../src/base/index.ts';
import { faultyStore, limitedStore, memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { bytes, describeStore, text } from './contract.ts';

describeStore('limited memory', {
  empty: async () => limitedStore(memoryStore({ clock: systemClock }), 2),
});

test('no more requests than allowed are under way, over all views together', async () => {
  let underWay = 0;
  let most = 0;
  const clock = {
    now: () => systemClock.now(),
    sleep: async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
    },
  };
  const plan = () => ({ kind: 'delay', delayMs: 1 }) as const;
  const store = limitedStore(faultyStore(memoryStore({ clock }), { clock, plan }), 3);
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? store : store.at('below')).put(`${index}`, bytes('x'), { kind: 'create' }),
    ),
  );
  expect(most).toBe(3);
});

test('the store may be used while a file is being filled and a list is being read', async () => {
  const store: ObjectStore = limitedStore(memoryStore({ clock: systemClock }), 1);
  await store.put('in/1', bytes('1'), { kind: 'create' });
  await store.put('in/2', bytes('2'), { kind: 'create' });
  const { writeFile } = await import('node:fs/promises');
  await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      store.putFile(name, async (file) => {
        let content = '';
        for await (const { path } of store.list('in')) {
          content += text((await store.get(path)).bytes);
        }
        await writeFile(file, content);
      }),
    ),
  );
  expect(text((await store.get('c')).bytes)).toBe('12');
});

test('a failing file gives its slot back', async () => {
  const store = limitedStore(memoryStore({ clock: systemClock }), 1);
  for (let round = 0; round < 3; round += 1) {
    await expect(store.putFile('x', async () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
  }
  expect(await store.head('x')).toBeNull();
});
