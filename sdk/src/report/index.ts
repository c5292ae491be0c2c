/** The bug-report button. */
import type { Part } from '../seam.js';

export const startReportButton: Part = () => {};
