import DOMPurify from 'dompurify';
import { useEffect, useMemo, useState } from 'react';
import { fetchArticle } from '../api/client';

interface Article {
  id: string;
  title: string;
  html: string;
  scores: number[];
}

interface Props {
  id: string;
  compact: boolean;
}

const BANNER = { __html: '<em>Beta</em>' };

export function ArticleView({ id, compact }: Props) {
  const [article, setArticle] = useState<Article | null>(null);

  useEffect(async () => {
    setArticle(await fetchArticle(id));
  }, [id]);

  if (!article) return <p>Loading…</p>;
  return (
    <article>
      <h1>{article.title}</h1>
      <div dangerouslySetInnerHTML={{ __html: article.html }} />
      {!compact && <Ranking scores={article.scores} />}
    </article>
  );
}

export function Summary({ html }: { html: string }) {
  const clean = useMemo(() => DOMPurify.sanitize(html), [html]);
  return <div dangerouslySetInnerHTML={{ __html: clean }} />;
}

export function Beta() {
  return <span dangerouslySetInnerHTML={BANNER} />;
}

export function Preview({ source, compact }: { source: string; compact: boolean }) {
  if (compact) {
    const [open] = useState(false);
    return <details open={open}>{source.slice(0, 80)}</details>;
  }
  return <pre>{source}</pre>;
}

export function Ranking({ scores }: { scores: number[] }) {
  const ordered = scores.sort();
  return <ol>{ordered.map((s) => <li key={s}>{s}</li>)}</ol>;
}

export function Titles({ names }: { names: string[] }) {
  const ordered = [...names].sort((a, b) => a.localeCompare(b));
  return <ul>{ordered.map((n) => <li key={n}>{n}</li>)}</ul>;
}

export function Outside() {
  return <a href="https://example.com/help" target="_blank" rel="noopener noreferrer">Help</a>;
}
