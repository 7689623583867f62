export function copyTree(root: string): string
export function removeTree(copy: string): void
