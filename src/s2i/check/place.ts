/** Checks who scripts run as in a builder image, and where they can write. */

import { assembleUserOf } from '../allowed-uids.ts';
import {
  type CheckedImage,
  type CheckFinding,
  fail,
  type ImageFile,
  mayUse,
  pass,
  permissions,
  warn,
} from './facts.ts';

/** Checks the user of the image. */
export function checkUser({ execution, contract, user }: CheckedImage): readonly CheckFinding[] {
  const named = assembleUserOf({
    image: execution.user,
    ...(contract?.assembleUser === undefined ? {} : { label: contract.assembleUser }),
  });
  const shown = named.user === '' ? 'root (none is named)' : named.user;
  if (user === undefined)
    return [
      fail(
        'user',
        `the image does not have its own user: ${shown}`,
        'add it to /etc/passwd, or name a number: USER 1001',
      ),
    ];
  if (user.uid === 0)
    return [
      warn(
        'user',
        `scripts run as ${shown}: platforms that forbid root refuse the image`,
        'USER 1001',
      ),
    ];
  if (!/^\d+(?::\d+)?$/.test(named.user))
    return [
      warn(
        'user',
        `${shown} is a name: platforms that forbid root cannot tell who it is`,
        `USER ${user.uid}`,
      ),
    ];
  return [pass('user', `${user.uid}:${user.gid}`)];
}

/** Checks the directories that scripts write to: below the destination, and where the application goes. */
export async function checkDirectories(image: CheckedImage): Promise<readonly CheckFinding[]> {
  const { contract, execution, user, lookAt } = image;
  if (user === undefined || contract === undefined) return [];
  const { destination } = contract;
  const workingDir = execution.workingDir || '/';
  const [place, home] = [await lookAt(destination), await lookAt(workingDir)];
  return [
    writable('destination', destination, place, user),
    writable('working directory', workingDir, home, user),
    ...groupFinding(workingDir, home, user),
  ];
}

function writable(
  id: string,
  path: string,
  directory: ImageFile | undefined,
  user: NonNullable<CheckedImage['user']>,
): CheckFinding {
  if (directory === undefined)
    return warn(
      id,
      `${path} is not there: a build makes it, for root`,
      `RUN install -d -o ${user.uid} ${path}`,
    );
  if (directory.kind !== 'directory')
    return fail(id, `${path} is no directory`, `RUN rm ${path} && mkdir ${path}`);
  if (mayUse(user, directory, permissions.write)) return pass(id, path);
  return warn(
    id,
    `user ${user.uid} may not write to ${path} (mode ${directory.mode.toString(8)}, owner ${directory.uid}:${directory.gid})`,
    `RUN chown ${user.uid}:0 ${path}`,
  );
}

/** Platforms that choose the user's id leave it in group 0. */
function groupFinding(
  path: string,
  directory: ImageFile | undefined,
  user: NonNullable<CheckedImage['user']>,
): readonly CheckFinding[] {
  if (directory?.kind !== 'directory' || user.uid === 0) return [];
  const anybody = { uid: 2 ** 31 - 2, gid: 0, additionalGids: [] };
  if (mayUse(anybody, directory, permissions.write))
    return [pass('any user', `group 0 may write to ${path}`)];
  return [
    warn(
      'any user',
      `group 0 may not write to ${path}: platforms that choose the id of the user use that group`,
      `RUN chgrp -R 0 ${path} && chmod -R g=u ${path}`,
    ),
  ];
}
