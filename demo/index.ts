/** What the demo and the tests share: a stand-in of EES, a mail catcher, composed releases. */
export * from './composed.js';
export { attendanceFile, persistentAbsenceFile, type YearToDate } from './composed/attendance.js';
export type { Correction } from './composed/figures.js';
export {
  characteristicsFile,
  longFile,
  nationalCharacteristicsFile,
  wideFile,
  type Coverage,
} from './composed/layouts.js';
export * from './mail-catcher.js';
export * from './stand-in.js';
