import { execFile, execSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Prisma, PrismaClient } from '@prisma/client';
import type { Request, Response } from 'express';
import { DataSource } from 'typeorm';
import { Report } from '../entities/report';

const REPORT_DIR = '/srv/reports';

export class ReportController {
  constructor(private readonly prisma: PrismaClient, private readonly source: DataSource) {}

  async byOwner(req: Request, res: Response): Promise<void> {
    const owner = String(req.query.owner);
    const rows = await this.prisma.$queryRawUnsafe(`SELECT * FROM "Report" WHERE owner = '${owner}'`);
    res.json(rows);
  }

  async byTeam(req: Request, res: Response): Promise<void> {
    const team = String(req.query.team);
    const rows = await this.prisma.$queryRaw`SELECT id FROM "Report" WHERE team = ${team}`;
    res.json(rows);
  }

  async byIds(ids: number[]): Promise<unknown> {
    return this.prisma.$queryRaw(Prisma.sql`SELECT id FROM "Report" WHERE id IN (${Prisma.join(ids)})`);
  }

  async titled(title: string): Promise<Report[]> {
    return this.source
      .getRepository(Report)
      .createQueryBuilder('r')
      .where("r.title = '" + title + "'")
      .getMany();
  }

  async tagged(tag: string): Promise<Report[]> {
    return this.source
      .getRepository(Report)
      .createQueryBuilder('r')
      .where('r.tag = :tag', { tag })
      .getMany();
  }

  render(name: string): Buffer {
    return execSync('wkhtmltopdf ' + name + ' -', { timeout: 30_000 });
  }

  compress(file: string, done: (err: Error | null) => void): void {
    execFile('gzip', ['--keep', '--', file], { timeout: 30_000 }, (err) => done(err));
  }

  download(req: Request, res: Response): void {
    createReadStream(join(REPORT_DIR, req.params.file)).pipe(res);
  }

  template(res: Response): void {
    createReadStream(join(REPORT_DIR, 'templates', 'default.html')).pipe(res);
  }

  async publish(ids: number[]): Promise<void> {
    ids.forEach(async (id) => {
      await this.prisma.report.update({ where: { id }, data: { published: true } });
    });
  }

  async archive(ids: number[]): Promise<void> {
    await Promise.all(ids.map(async (id) => this.prisma.report.delete({ where: { id } })));
  }
}
