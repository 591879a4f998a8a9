//! A walk along pages.

use super::pages::Page;

/// Walks along the pages of a run.
pub(super) struct Cursor<'a> {
    pages: &'a [(&'a Page, Vec<u32>)],
    page: usize,
    used: usize,
}

impl<'a> Cursor<'a> {
    /// At the first page.
    pub fn new(pages: &'a [(&'a Page, Vec<u32>)]) -> Self {
        Self { pages, page: 0, used: 0 }
    }

    /// At most so many rows further: how many rows lie in one page, and the regions that touch it.
    pub fn next(&mut self, most: usize) -> (usize, &'a [u32]) {
        while let Some((page, regions)) = self.pages.get(self.page) {
            let length = (page.rows.len() - self.used).min(most);
            if length > 0 {
                self.used += length;
                return (length, regions);
            }
            (self.page, self.used) = (self.page + 1, 0);
        }
        (0, &[])
    }
}
