/** The version of the package, as `package.json` has it; what is written says who wrote it. */
export const PACKAGE_VERSION = '0.1.0';
