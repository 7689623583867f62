export const OLDEST_JAVA: number
export function hasJava(): boolean
export function hasMaven(): boolean
export function toolsFolder(root: string): string
