/** Of a running total each measure comes from the newest day that has it: a change of views alone, which come with 0013 now, once for all. */
export async function up(): Promise<void> {}
