/** What the demo and the tests share: a stand-in of EES, a mail catcher, composed releases. */
export * from './mail-catcher.js';
export * from './stand-in.js';
